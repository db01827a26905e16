import type { ReactNode } from "react";
import styles from "./Chip.module.css";

export type Tone = "neutral" | "accent" | "warn" | "bad";

/** A small label; with `dot` it shows a state. */
export function Chip({
  tone = "neutral",
  dot = false,
  children,
}: {
  tone?: Tone;
  dot?: boolean;
  children: ReactNode;
}) {
  return (
    <span className={`${styles.chip} ${styles[tone]}`}>
      {dot && <span className={styles.dot} aria-hidden="true" />}
      {children}
    </span>
  );
}

const STATUS_TONES: Record<string, Tone> = {
  running: "accent",
  succeeded: "accent",
  ready: "accent",
  finished: "neutral",
  ingesting: "neutral",
  queued: "neutral",
  cancelling: "warn",
  cancelled: "neutral",
  failed: "bad",
  invalid: "bad",
};

/** The status of a job, dataset, study or batch as a chip. */
export function StatusChip({ status }: { status: string }) {
  return (
    <Chip tone={STATUS_TONES[status] ?? "neutral"} dot>
      {status}
    </Chip>
  );
}
