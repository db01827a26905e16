import { type FormEvent, useId, useState } from "react";
import { asServiceError } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Code } from "@/ui/Call";
import { Callout } from "@/ui/Card";
import { Dialog } from "@/ui/Dialog";
import { Checkbox, SelectField, TextField } from "@/ui/Field";
import styles from "./Access.module.css";
import { createKey } from "./queries";
import { ROLES, type Role, SCOPES, type Scope } from "./roles";

const SINGLE = "scopes";
const NEVER = "never";
const DAYS = [30, 90, 365];
const DAY_MS = 86_400_000;

/** Creates a key, and shows its secret once. */
export default function CreateKey({ onClose }: { onClose: () => void }) {
  const [secret, setSecret] = useState<{ name: string; key: string }>();
  return secret ? (
    <Secret name={secret.name} text={secret.key} onClose={onClose} />
  ) : (
    <Form onCreated={setSecret} onClose={onClose} />
  );
}

function Form({
  onCreated,
  onClose,
}: {
  onCreated: (created: { name: string; key: string }) => void;
  onClose: () => void;
}) {
  const form = useId();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role | typeof SINGLE>("viewer");
  const [scopes, setScopes] = useState<readonly Scope[]>([]);
  const [days, setDays] = useState("90");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const isComplete = name.trim() !== "" && (role !== SINGLE || scopes.length > 0);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const expires = days === NEVER ? null : new Date(Date.now() + Number(days) * DAY_MS);
      onCreated(
        await createKey({
          name: name.trim(),
          ...(role === SINGLE ? { scopes: [...scopes] } : { role }),
          expires_at: expires?.toISOString() ?? null,
        }),
      );
    } catch (thrown) {
      setError(asServiceError(thrown).message);
      setBusy(false);
    }
  }

  return (
    <Dialog
      title="Create a key"
      onClose={onClose}
      actions={
        <>
          <Button look="quiet" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" form={form} look="primary" isBusy={isBusy} disabled={!isComplete}>
            Create the key
          </Button>
        </>
      }
    >
      <form id={form} className={styles.form} onSubmit={(event) => void submit(event)}>
        <TextField
          label="Name"
          hint="The program or person that uses it."
          placeholder="nightly-training"
          autoFocus
          maxLength={100}
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
        <SelectField
          label="May do"
          hint={ROLES.find((one) => one.role === role)?.can ?? "Only what you choose below."}
          value={role}
          onChange={({ target }) => setRole(target.value as Role | typeof SINGLE)}
        >
          {ROLES.map((one) => (
            <option key={one.role} value={one.role}>
              {one.role}
            </option>
          ))}
          <option value={SINGLE}>single scopes</option>
        </SelectField>
        {role === SINGLE && (
          <fieldset className={styles.scopes}>
            <legend>Scopes</legend>
            {SCOPES.map(({ scope, can }) => (
              <Checkbox
                key={scope}
                checked={scopes.includes(scope)}
                onChange={({ target }) =>
                  setScopes(
                    target.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope),
                  )
                }
              >
                <code>{scope}</code> {can}
              </Checkbox>
            ))}
          </fieldset>
        )}
        <SelectField label="Expires" value={days} onChange={({ target }) => setDays(target.value)}>
          {DAYS.map((one) => (
            <option key={one} value={one}>
              in {one} days
            </option>
          ))}
          <option value={NEVER}>never</option>
        </SelectField>
        {error && (
          <div role="alert">
            <Callout tone="bad">{error}</Callout>
          </div>
        )}
      </form>
    </Dialog>
  );
}

/** The dialog with the secret; only its button closes it, so that no stray click loses the key. */
function Secret({ name, text, onClose }: { name: string; text: string; onClose: () => void }) {
  return (
    <Dialog
      title={`The key of ${name}`}
      mustBeAnswered
      onClose={onClose}
      actions={
        <Button look="primary" onClick={onClose}>
          I have stored it
        </Button>
      }
    >
      <p className="muted">
        Copy it now. The service keeps only its hash, so nobody can show it again.
      </p>
      <Code label="API key" text={text} wraps />
      <p className="muted small">
        Programs read it from the variable <code>GRAFT_API_KEY</code>, or send{" "}
        <code>Authorization: Bearer …</code>.
      </p>
    </Dialog>
  );
}
