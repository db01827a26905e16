import { useState } from "react";
import { asServiceError } from "@/api/problem";
import { Button } from "./Button";
import { Callout } from "./Card";
import { Dialog } from "./Dialog";
import { TextField } from "./Field";

/** A dialog before an action that cannot be undone: it names what will be lost. */
export function ConfirmDialog({
  title,
  children,
  action,
  reason,
  onConfirm,
  onClose,
}: {
  title: string;
  children: React.ReactNode;
  /** The verb on the button. */
  action: string;
  /** The label of a text that must be given, such as the reason of a promotion. */
  reason?: string;
  onConfirm: (reason: string) => Promise<unknown>;
  onClose: () => void;
}) {
  const [text, setText] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();

  async function confirm(): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm(text);
      onClose();
    } catch (thrown) {
      setError(asServiceError(thrown).message);
      setBusy(false);
    }
  }

  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button look="quiet" onClick={onClose}>
            Keep
          </Button>
          <Button
            look="danger"
            isBusy={isBusy}
            disabled={reason !== undefined && text.trim() === ""}
            onClick={() => void confirm()}
          >
            {action}
          </Button>
        </>
      }
    >
      <div className="muted">{children}</div>
      {reason !== undefined && (
        <TextField label={reason} value={text} onChange={(event) => setText(event.target.value)} />
      )}
      {error && <Callout tone="bad">{error}</Callout>}
    </Dialog>
  );
}
