import type { ReactNode } from "react";
import { Link } from "wouter";
import { count } from "@/format";
import styles from "./Tabs.module.css";

export interface Tab {
  id: string;
  label: ReactNode;
  count?: string | number | undefined;
  href: string;
}

/** Tabs that are links, so that each has a URL. */
export function Tabs({
  label,
  tabs,
  current,
}: {
  label: string;
  tabs: readonly Tab[];
  current: string;
}) {
  return (
    <nav aria-label={label} className={styles.tabs}>
      {tabs.map((tab) => (
        <Link key={tab.id} href={tab.href} aria-current={tab.id === current ? "page" : undefined}>
          {tab.label}
          {tab.count !== undefined && (
            <span className={styles.count}>
              {" "}
              {typeof tab.count === "number" ? count(tab.count) : tab.count}
            </span>
          )}
        </Link>
      ))}
    </nav>
  );
}
