import { duration, percent } from "@/format";
import { useWidth } from "@/ui/useWidth";
import { type Place, placeLabels } from "./labels";
import styles from "./PortfolioCard.module.css";
import { accuracyTicks, type Drawing, type Mark, tickLabel, ticksUpTo } from "./portfolio";

const HEIGHT = 260;
/** The least distance of two labels of the time axis, in pixels. */
const TICK_WIDTH = 60;
/** Below this width, in pixels, a trial is not labelled with its architecture. */
const NARROW = 560;
const LEFT = 48;
const RIGHT = 24;
const TOP = 14;
const BOTTOM = 30;

/** Candidates as bars on a time axis, at their accuracy; what was expected is a hollow circle. */
export function PortfolioDrawing({ drawing }: { drawing: Drawing }) {
  const { marks, end, reservedFrom, low, high } = drawing;
  const [figure, width] = useWidth<HTMLElement>(720);
  const right = width - RIGHT;
  const x = (seconds: number) => LEFT + ((right - LEFT) * seconds) / end;
  const y = (share: number) =>
    TOP + ((HEIGHT - TOP - BOTTOM) * (high - share)) / Math.max(high - low, 0.01);
  const nameOf = ({ kind, label }: Mark) => (kind === "trial" && width < NARROW ? kind : label);
  const places = placeLabels(
    marks.map((mark) => ({
      label: nameOf(mark),
      left: x(mark.start),
      right: x(mark.end),
      y: y(levelOf(mark, low)),
    })),
    { left: LEFT, right, top: 0, bottom: HEIGHT - BOTTOM },
  );
  return (
    <figure ref={figure} className={styles.figure}>
      <svg
        className={styles.drawing}
        width={width}
        height={HEIGHT}
        role="img"
        aria-label={describe(marks)}
      >
        {accuracyTicks(low, high).map((share) => (
          <g key={share}>
            <line className={styles.grid} x1={LEFT} x2={right} y1={y(share)} y2={y(share)} />
            <text className={styles.tick} x={LEFT - 6} y={y(share) + 4} textAnchor="end">
              {percent(share, 0)}
            </text>
          </g>
        ))}
        {ticksUpTo(end, (right - LEFT) / TICK_WIDTH).map((seconds) => (
          <text
            key={seconds}
            className={styles.tick}
            x={x(seconds)}
            y={HEIGHT - BOTTOM + 18}
            textAnchor="middle"
          >
            {tickLabel(seconds)}
          </text>
        ))}
        {reservedFrom !== null && (
          <rect
            className={styles.reserved}
            x={x(reservedFrom)}
            y={TOP}
            width={Math.max(right - x(reservedFrom), 0)}
            height={HEIGHT - TOP - BOTTOM}
          />
        )}
        {marks.map((mark, index) => (
          <Bar
            key={`${mark.kind} ${mark.label}`}
            mark={mark}
            name={nameOf(mark)}
            place={places[index] ?? { x: x(mark.start), y: y(high) }}
            x={x}
            y={y}
            floor={low}
          />
        ))}
      </svg>
      <figcaption className={styles.caption}>
        Bars: time and accuracy, with 95 % intervals. Hollow circles: what was expected. Shaded:
        reserved for evaluation and storing. Candidates: cross-validated on training images; trials:
        held-out training images; fine-tuning: validation images.
      </figcaption>
    </figure>
  );
}

function Bar({
  mark,
  name,
  place,
  x,
  y,
  floor,
}: {
  mark: Mark;
  name: string;
  place: Place;
  x: (seconds: number) => number;
  y: (share: number) => number;
  floor: number;
}) {
  const { actual, expected, start, end } = mark;
  const level = y(levelOf(mark, floor));
  const left = x(start);
  const right = Math.max(x(end), left + 3);
  const isCandidate = mark.kind === "candidate";
  const look = !isCandidate ? styles.tuned : mark.isChosen ? styles.chosen : styles.other;
  return (
    <g className={look}>
      {actual && (
        <line
          className={styles.whisker}
          x1={right}
          x2={right}
          y1={y(Math.max(actual.low, floor))}
          y2={y(actual.high)}
        />
      )}
      <line
        className={actual ? styles.bar : styles.running}
        x1={left}
        x2={right}
        y1={level}
        y2={level}
      />
      {expected && (
        <circle className={styles.expected} cx={x(expected.end)} cy={y(expected.value)} r={5} />
      )}
      <text className={styles.name} x={place.x} y={place.y}>
        {name}
      </text>
    </g>
  );
}

/** The accuracy at which a bar stands. */
function levelOf({ actual, expected }: Mark, floor: number): number {
  return actual?.value ?? expected?.value ?? floor;
}

function describe(marks: readonly Mark[]): string {
  if (marks.length === 0) return "No candidate has been tried yet.";
  const parts = marks.map(({ label, start, end, actual, expected }) => {
    const result = actual ? `${percent(actual.value)}` : "still running";
    const wanted = expected ? `, expected ${percent(expected.value)}` : "";
    return `${label} from ${duration(start)} to ${duration(end)}: ${result}${wanted}`;
  });
  return `${parts.join("; ")}.`;
}
