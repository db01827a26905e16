import { Dialog } from "@/ui/Dialog";
import styles from "./Help.module.css";
import { GO_KEYS } from "./shortcuts";

/** The list of keyboard shortcuts. */
export default function Help({ onClose }: { onClose: () => void }) {
  const rows: [string[], string][] = [
    [["/"], "Search"],
    ...Object.entries(GO_KEYS).map(([key, { label }]): [string[], string] => [["g", key], label]),
    [["?"], "This list"],
    [["Esc"], "Close"],
  ];
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl className={styles.keys}>
        {rows.map(([keys, label]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
