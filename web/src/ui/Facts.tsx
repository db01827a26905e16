import type { ReactNode } from "react";
import styles from "./Facts.module.css";

export interface Fact {
  label: string;
  value: ReactNode;
  note?: ReactNode;
}

/** The few figures that a page is about, side by side. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className={styles.facts} style={{ "--columns": facts.length } as React.CSSProperties}>
      {facts.map(({ label, value, note }) => (
        <div key={label} className={styles.fact}>
          <dt>{label}</dt>
          <dd className={styles.value}>{value}</dd>
          {note != null && <dd className={styles.note}>{note}</dd>}
        </div>
      ))}
    </dl>
  );
}
