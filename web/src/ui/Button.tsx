import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Link } from "wouter";
import styles from "./Button.module.css";

type Look = "primary" | "default" | "quiet" | "danger";

interface Shared {
  look?: Look;
  icon?: ReactNode;
  children?: ReactNode;
}

function classes(look: Look, hasText: boolean): string {
  return [styles.button, styles[look], hasText ? "" : styles.square].join(" ");
}

/** A button; `isBusy` disables it and says so to screen readers. */
export function Button({
  look = "default",
  icon,
  isBusy = false,
  children,
  ...rest
}: Shared & { isBusy?: boolean } & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button
      type="button"
      {...rest}
      className={classes(look, children != null)}
      disabled={rest.disabled || isBusy}
      aria-busy={isBusy || undefined}
    >
      {icon}
      {children}
    </button>
  );
}

/** A link within the dashboard that looks like a button. */
export function LinkButton({
  look = "default",
  icon,
  href,
  children,
}: Shared & { href: string; children: ReactNode }) {
  return (
    <Link href={href} className={classes(look, true)}>
      {icon}
      {children}
    </Link>
  );
}
