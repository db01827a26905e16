import { X } from "lucide-react";
import { Button } from "./Button";
import styles from "./Toasts.module.css";
import { dismissToast, useToasts } from "./toasts";

/** The messages at the bottom of the page. */
export function Toasts() {
  return (
    <div className={styles.toasts} role="status" aria-live="polite">
      {useToasts().map(({ id, text, tone, action }) => (
        <div key={id} className={`${styles.toast} ${styles[tone]}`}>
          <span>{text}</span>
          {action && (
            <Button
              onClick={() => {
                action.run();
                dismissToast(id);
              }}
            >
              {action.label}
            </Button>
          )}
          <Button
            look="quiet"
            icon={<X aria-hidden />}
            aria-label="Dismiss"
            onClick={() => dismissToast(id)}
          />
        </div>
      ))}
    </div>
  );
}
