import styles from "./Progress.module.css";

/** A progress bar; `value` is a share of one, null while it is not known. */
export function Progress({ value, label }: { value: number | null; label: string }) {
  const share = value == null ? null : Math.min(1, Math.max(0, value));
  return (
    <div
      className={styles.track}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share == null ? undefined : Math.round(share * 100)}
    >
      <div
        className={share == null ? styles.unknown : styles.fill}
        style={share == null ? undefined : { width: `${share * 100}%` }}
      />
    </div>
  );
}
