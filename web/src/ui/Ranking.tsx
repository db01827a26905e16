import { percent } from "@/format";
import styles from "./Ranking.module.css";

/** Predictions of an image, most probable first, as bars. */
export function Ranking({
  predictions,
}: {
  predictions: readonly { label: string; probability: number }[];
}) {
  return (
    <ol className={styles.ranking}>
      {predictions.map(({ label, probability }) => (
        <li key={label}>
          <span className={styles.label} title={label}>
            {label}
          </span>
          <span className={styles.track} aria-hidden="true">
            <span className={styles.fill} style={{ width: `${probability * 100}%` }} />
          </span>
          <strong>{percent(probability)}</strong>
        </li>
      ))}
    </ol>
  );
}
