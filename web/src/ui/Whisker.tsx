import { percent, percentInterval } from "@/format";
import styles from "./Whisker.module.css";

const WIDTH = 120;

/** A share of one as a dot with its interval as a line, on a common scale. */
export function Whisker({
  value,
  interval,
  from = 0,
  to = 1,
}: {
  value: number;
  interval: readonly [number, number];
  from?: number;
  to?: number;
}) {
  const x = (share: number) => WIDTH * Math.min(1, Math.max(0, (share - from) / (to - from)));
  return (
    <svg
      className={styles.whisker}
      viewBox={`0 0 ${WIDTH} 16`}
      width={WIDTH}
      height={16}
      role="img"
      aria-label={`${percent(value)}, interval ${percentInterval(interval)}`}
    >
      <line className={styles.scale} x1={0} x2={WIDTH} y1={8} y2={8} />
      <line className={styles.line} x1={x(interval[0])} x2={x(interval[1])} y1={8} y2={8} />
      <circle
        className={styles.point}
        cx={Math.min(WIDTH - 4, Math.max(4, x(value)))}
        cy={8}
        r={4}
      />
    </svg>
  );
}
