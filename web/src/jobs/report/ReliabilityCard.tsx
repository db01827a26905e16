import type { Schemas } from "@/api/client";
import { decimal, percent, plural } from "@/format";
import { Card } from "@/ui/Card";
import styles from "./ReliabilityCard.module.css";

type Bin = Schemas["ReliabilityBin"];

const SIZE = 300;
const LEFT = 40;
const BOTTOM = 36;
const TOP = 10;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

const x = (share: number) => LEFT + share * (SIZE - LEFT - TOP);
const y = (share: number) => SIZE - BOTTOM - share * (SIZE - BOTTOM - TOP);

/** Accuracy by confidence, before and after calibration; on the diagonal both are equal. */
export function ReliabilityCard({ calibration }: { calibration: Schemas["CalibrationFigures"] }) {
  const { curve_before: before, curve_after: after, temperature, reason } = calibration;
  return (
    <Card
      title="Reliability"
      aside={
        <span className={styles.legend}>
          {after && <span className={styles.afterKey}>calibrated</span>}
          <span className={styles.beforeKey}>before</span>
        </span>
      }
    >
      <svg
        className={styles.diagram}
        viewBox={`0 0 ${SIZE} ${SIZE}`}
        role="img"
        aria-label={describe(calibration)}
      >
        {TICKS.map((tick) => (
          <g key={tick}>
            <line className={styles.grid} x1={LEFT} x2={SIZE - TOP} y1={y(tick)} y2={y(tick)} />
            <text className={styles.tick} x={LEFT - 6} y={y(tick) + 3.5} textAnchor="end">
              {tick.toFixed(2)}
            </text>
            <text className={styles.tick} x={x(tick)} y={SIZE - BOTTOM + 15} textAnchor="middle">
              {tick.toFixed(2)}
            </text>
          </g>
        ))}
        <line className={styles.diagonal} x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
        <Curve bins={before} kind="before" />
        {after && <Curve bins={after} kind="after" />}
        <text className={styles.tick} x={(LEFT + SIZE) / 2} y={SIZE - 4} textAnchor="middle">
          probability that the model gives
        </text>
        <text
          className={styles.tick}
          transform={`translate(9 ${(SIZE - BOTTOM) / 2}) rotate(-90)`}
          textAnchor="middle"
        >
          share that is right
        </text>
      </svg>
      <p className={styles.note}>
        {after === null
          ? (reason ?? "The probabilities are not calibrated.")
          : `The logits are divided by ${decimal(temperature, 2)}: the model was ${temperature > 1 ? "too sure" : "not sure enough"}.`}
      </p>
    </Card>
  );
}

function Curve({ bins, kind }: { bins: readonly Bin[]; kind: "before" | "after" }) {
  const filled = bins.filter((bin) => bin.confidence !== null && bin.accuracy !== null);
  const largest = Math.max(1, ...filled.map((bin) => bin.num_images));
  const points = filled.map((bin) => `${x(bin.confidence ?? 0)},${y(bin.accuracy ?? 0)}`);
  return (
    <g className={styles[kind]}>
      <polyline points={points.join(" ")} />
      {filled.map((bin) => (
        <circle
          key={bin.lower}
          cx={x(bin.confidence ?? 0)}
          cy={y(bin.accuracy ?? 0)}
          r={2 + 4 * Math.sqrt(bin.num_images / largest)}
        >
          <title>
            {`probability ${decimal(bin.confidence, 2)}: ${percent(bin.accuracy)} right, ${plural(bin.num_images, "image")}`}
          </title>
        </circle>
      ))}
    </g>
  );
}

function describe({
  error_before: before,
  error_after: after,
}: Schemas["CalibrationFigures"]): string {
  const calibrated = after === null ? "" : `, ${decimal(after)} after calibration`;
  return `Reliability diagram: expected calibration error ${decimal(before)} before${calibrated}.`;
}
