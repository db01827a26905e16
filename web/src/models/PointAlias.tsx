import { useState } from "react";
import { asServiceError, type ServiceError } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Callout } from "@/ui/Card";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { showToast } from "@/ui/toasts";
import { CHAMPION, pointAlias } from "./actions";
import { useEvents, type Verdict } from "./queries";
import { VerdictView } from "./VerdictView";

const ALIAS = /^[a-z][a-z0-9._-]{0,62}$/;

/** The dialog that points an alias to a version, through the model's gate. */
export default function PointAlias({
  name,
  version,
  alias,
  onClose,
}: {
  name: string;
  version: number;
  /** The alias; null asks for its name. */
  alias: string | null;
  onClose: () => void;
}) {
  const [text, setText] = useState("");
  const [reason, setReason] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<ServiceError | null>(null);
  const target = alias ?? text;
  const isRefused = error?.code === "GATE_FAILED";

  async function point(force: boolean): Promise<void> {
    setBusy(true);
    setError(null);
    try {
      await pointAlias(name, target, version, { reason, force });
      showToast(`${target} is version ${version} now.`);
      onClose();
    } catch (thrown) {
      setError(asServiceError(thrown));
      setBusy(false);
    }
  }

  return (
    <Dialog
      title={
        alias === CHAMPION
          ? `Promote ${name}:${version} to champion`
          : `Set an alias of ${name}:${version}`
      }
      wide={isRefused}
      onClose={onClose}
      actions={
        <>
          <Button look="quiet" onClick={onClose}>
            Keep it as it is
          </Button>
          {isRefused ? (
            <Button
              look="danger"
              isBusy={isBusy}
              disabled={!reason.trim()}
              onClick={() => void point(true)}
            >
              Promote anyway
            </Button>
          ) : (
            <Button
              look="primary"
              isBusy={isBusy}
              disabled={!ALIAS.test(target)}
              onClick={() => void point(false)}
            >
              {alias === CHAMPION ? "Promote" : "Set the alias"}
            </Button>
          )}
        </>
      }
    >
      {alias === null && (
        <TextField
          label="Alias"
          hint="A lower-case letter, then up to 62 letters, digits, dots, hyphens or underscores."
          value={text}
          onChange={({ target: { value } }) => setText(value)}
        />
      )}
      {alias === CHAMPION && (
        <p className="muted">
          The champion answers requests for {name} from the next prediction on. If the model has a
          gate, the version is compared with the champion first, which may take a minute.
        </p>
      )}
      {error && <Callout tone={isRefused ? "warn" : "bad"}>{error.message}</Callout>}
      {isRefused && <Refusal name={name} version={version} />}
      {(isRefused || alias === CHAMPION) && (
        <TextField
          label={
            isRefused
              ? "Why promote it anyway (recorded in the history)"
              : "Reason (optional, recorded in the history)"
          }
          value={reason}
          onChange={({ target: { value } }) => setReason(value)}
        />
      )}
    </Dialog>
  );
}

/** The gate's figures against the version, from the event that recorded them. */
function Refusal({ name, version }: { name: string; version: number }) {
  const events = useEvents(name).data?.pages.flatMap((page) => page.data) ?? [];
  const refusal = events.find(
    (event) => event.type === "promotion_refused" && event.version === version,
  );
  const verdict = refusal?.payload.verdict as Verdict | undefined;
  return verdict ? <VerdictView verdict={verdict} /> : null;
}
