import type { ReactNode } from "react";
import { Link } from "wouter";
import styles from "./Pills.module.css";

export interface Pill {
  id: string;
  label: ReactNode;
  count?: string | undefined;
  href: string;
}

/** A choice of one filter as links, so that each choice has a URL. */
export function Pills({
  label,
  pills,
  current,
}: {
  label: string;
  pills: readonly Pill[];
  current: string;
}) {
  return (
    <nav aria-label={label} className={styles.pills}>
      {pills.map((pill) => (
        <Link key={pill.id} href={pill.href} aria-current={pill.id === current || undefined}>
          {pill.label}
          {pill.count !== undefined && <span className={styles.count}>{pill.count}</span>}
        </Link>
      ))}
    </nav>
  );
}
