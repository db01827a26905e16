import { Callout } from "@/ui/Card";
import { labelOf, pathOf } from "../recipe";
import styles from "./Problems.module.css";

export interface Problem {
  message: string;
  loc?: readonly (string | number)[] | null;
}

/** Why the job cannot be created, each with a link to its field. */
export function Problems({
  problems,
  onOpen,
}: {
  problems: readonly Problem[];
  /** Show a field that may be folded away. */
  onOpen: (path: string) => void;
}) {
  if (problems.length === 0) return null;
  return (
    <Callout
      tone="bad"
      title={problems.length === 1 ? "This cannot be trained yet." : "These cannot be trained yet."}
    >
      <ul className={styles.problems} aria-live="polite">
        {problems.map(({ message, loc }) => {
          const path = pathOf(loc);
          return (
            <li key={`${path} ${message}`}>
              {message}
              {path && (
                <button type="button" onClick={() => onOpen(path)}>
                  Go to {labelOf(path).toLowerCase()}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </Callout>
  );
}

/** Move the focus to the control of a field. */
export function focusField(path: string): void {
  const field = document.querySelector<HTMLElement>(
    `[data-field="${CSS.escape(path)}"] :is(input, select)`,
  );
  field?.scrollIntoView({ block: "center" });
  field?.focus();
}
