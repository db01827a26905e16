import type { ReactNode } from "react";
import styles from "./Card.module.css";

/** A bordered section with a heading; `flush` leaves out the padding, for tables. */
export function Card({
  title,
  aside,
  flush = false,
  children,
}: {
  title?: ReactNode;
  aside?: ReactNode;
  flush?: boolean;
  children: ReactNode;
}) {
  return (
    <section className={styles.card}>
      {title != null && (
        <header className={styles.header}>
          <h2>{title}</h2>
          {aside != null && <div className={styles.aside}>{aside}</div>}
        </header>
      )}
      <div className={flush ? styles.flush : styles.body}>{children}</div>
    </section>
  );
}

/** A short message with an accent on its left edge. */
export function Callout({
  tone = "note",
  title,
  children,
}: {
  tone?: "note" | "warn" | "bad";
  title?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className={`${styles.callout} ${styles[tone]}`}>
      {title != null && <strong>{title} </strong>}
      {children}
    </div>
  );
}
