import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Link } from "wouter";
import styles from "./Button.module.css";
import { showToast } from "./toasts";

type Look = "primary" | "default" | "quiet" | "danger";

interface Shared {
  look?: Look;
  icon?: ReactNode;
  children?: ReactNode;
  /** Why the person may not do it; a press says so instead of doing it. */
  denied?: string | undefined;
}

function classes(look: Look, hasText: boolean): string {
  return [styles.button, styles[look], hasText ? "" : styles.square].join(" ");
}

/** A button; `isBusy` disables it and says so to screen readers. */
export function Button({
  look = "default",
  icon,
  isBusy = false,
  denied,
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
      {...(denied && {
        type: "button",
        "aria-disabled": true,
        title: denied,
        onClick: () => showToast(denied),
      })}
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
  denied,
  children,
}: Shared & { href: string; children: ReactNode }) {
  if (denied) {
    return (
      <Button look={look} icon={icon} denied={denied}>
        {children}
      </Button>
    );
  }
  return (
    <Link href={href} className={classes(look, true)}>
      {icon}
      {children}
    </Link>
  );
}
