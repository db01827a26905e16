import { type ReactNode, useEffect } from "react";
import { Link } from "wouter";
import styles from "./Page.module.css";

export interface Crumb {
  label: string;
  href: string;
}

/** The frame of a page: where it is, its title, its actions, its content. */
export function Page({
  title,
  documentTitle,
  subtitle,
  crumbs = [],
  actions,
  children,
}: {
  title: ReactNode;
  documentTitle: string;
  subtitle?: ReactNode;
  crumbs?: readonly Crumb[];
  actions?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${documentTitle} · Graft`;
  }, [documentTitle]);
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <div className={styles.titles}>
          {crumbs.length > 0 && (
            <nav aria-label="Breadcrumb" className={styles.crumbs}>
              {crumbs.map(({ label, href }) => (
                <span key={href}>
                  <Link href={href}>{label}</Link> <span aria-hidden="true">/</span>
                </span>
              ))}
            </nav>
          )}
          <h1 className={styles.title}>{title}</h1>
          {subtitle != null && <p className={styles.subtitle}>{subtitle}</p>}
        </div>
        {actions != null && <div className={styles.actions}>{actions}</div>}
      </div>
      {children}
    </div>
  );
}

/** A wide column and a narrow one beside it; one below the other on a phone. */
export function Columns({ children }: { children: ReactNode }) {
  return <div className={styles.columns}>{children}</div>;
}

/** Cards below each other. */
export function Stack({ children }: { children: ReactNode }) {
  return <div className={styles.stack}>{children}</div>;
}
