import type { ReactNode } from "react";
import {
  MenuItem,
  MenuTrigger,
  Popover,
  Button as ReactAriaButton,
  Menu as ReactAriaMenu,
} from "react-aria-components";
import styles from "./Menu.module.css";
import { showToast } from "./toasts";

export interface MenuEntry {
  id: string;
  label: string;
  isDanger?: boolean;
  /** Why the person may not do it; the entry says so instead of doing it. */
  denied?: string | undefined;
  onAction: () => void;
}

/** A button that opens a menu of actions. */
export function Menu({
  label,
  trigger,
  entries,
}: {
  label: string;
  trigger: ReactNode;
  entries: readonly MenuEntry[];
}) {
  return (
    <MenuTrigger>
      <ReactAriaButton className={styles.trigger as string} aria-label={label}>
        {trigger}
      </ReactAriaButton>
      <Popover className={styles.popover as string} placement="bottom end">
        <ReactAriaMenu className={styles.menu as string} aria-label={label}>
          {entries.map((entry) => (
            <MenuItem
              key={entry.id}
              id={entry.id}
              className={`${styles.item} ${entry.denied ? styles.denied : entry.isDanger ? styles.danger : ""}`}
              onAction={entry.denied ? () => showToast(entry.denied ?? "") : entry.onAction}
            >
              {entry.label}
            </MenuItem>
          ))}
        </ReactAriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
