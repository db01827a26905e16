import type { Schemas } from "@/api/client";
import { decimal, percent } from "@/format";
import { Card } from "@/ui/Card";
import { Slider } from "@/ui/Field";
import { useUrl } from "../url";
import styles from "./CoverageCard.module.css";

type Point = Schemas["CoveragePoint"];

const USUAL = 0.9;

/** What a wanted coverage costs: how many labels a set has, and how often the model abstains. */
export function CoverageCard({ curve }: { curve: readonly Point[] }) {
  const { params, set } = useUrl();
  const wanted = Number(params.get("coverage") ?? USUAL);
  const index = nearest(curve, Number.isFinite(wanted) ? wanted : USUAL);
  const point = curve[index];
  if (!point) return null;
  return (
    <Card title="Sets of labels">
      <div className={styles.content}>
        <p className="muted small">
          Instead of one label, a prediction can give a set that has the right label with a coverage
          that you choose.
        </p>
        <Slider
          label="Coverage"
          value={index}
          min={0}
          max={curve.length - 1}
          step={1}
          format={(at) => percent(curve[at]?.coverage)}
          onChange={(at) => set({ coverage: String(curve[at]?.coverage ?? USUAL) })}
        />
        <dl className={styles.figures}>
          <div>
            <dt>Labels in a set</dt>
            <dd>{decimal(point.mean_set_size, 2)}</dd>
          </div>
          <div>
            <dt>Abstained</dt>
            <dd>{percent(point.share_abstained)}</dd>
          </div>
          <div>
            <dt>Right label in the set</dt>
            <dd>{percent(point.share_covered)}</dd>
          </div>
        </dl>
      </div>
    </Card>
  );
}

/** Return the index of the point whose coverage is nearest to the wanted one. */
export function nearest(curve: readonly Pick<Point, "coverage">[], wanted: number): number {
  let best = 0;
  curve.forEach(({ coverage }, index) => {
    const distance = Math.abs(coverage - wanted);
    if (distance < Math.abs((curve[best]?.coverage ?? 0) - wanted)) best = index;
  });
  return best;
}
