import { useSearchParams } from "wouter";
import { asServiceError } from "@/api/problem";
import { count, percent, points, pValue } from "@/format";
import { Card } from "@/ui/Card";
import { SelectField } from "@/ui/Field";
import { Loaded, Skeleton } from "@/ui/States";
import { Tile, TileGrid } from "@/ui/Tile";
import styles from "./ComparePage.module.css";
import { runLabel } from "./curves";
import { type Run, useDisagreements, usePairedTest } from "./queries";

const NUM_IMAGES = 24;

/** Whether two of the jobs differ by more than chance, on the same validation images. */
export function PairedTests({ runs }: { runs: readonly Run[] }) {
  const [params, setParams] = useSearchParams();
  const finished = runs.filter(({ report }) => report !== null);
  if (finished.length < 2) return null;
  const first = pick(finished, params.get("this"), 0);
  const second = pick(finished, params.get("with"), 1);

  function choose(name: "this" | "with", id: string): void {
    setParams(
      (old) => {
        old.set(name, id);
        return old;
      },
      { replace: true },
    );
  }

  const options = finished.map((run) => (
    <option key={run.job.id} value={run.job.id}>
      {runLabel(run)}
    </option>
  ));
  return (
    <Card title="Paired test" aside="McNemar's exact test on the same validation images">
      <div className={styles.pair}>
        <SelectField
          label="Job"
          value={first.job.id}
          onChange={({ target }) => choose("this", target.value)}
        >
          {options}
        </SelectField>
        <SelectField
          label="Compared with"
          value={second.job.id}
          onChange={({ target }) => choose("with", target.value)}
        >
          {options}
        </SelectField>
      </div>
      {first.job.id === second.job.id ? (
        <p className="muted">Choose two different jobs.</p>
      ) : (
        <Result first={first} second={second} />
      )}
    </Card>
  );
}

function pick(runs: readonly Run[], id: string | null, index: number): Run {
  const found = runs.find(({ job }) => job.id === id) ?? runs[index];
  if (!found) throw new Error("There are fewer than two finished jobs.");
  return found;
}

function Result({ first, second }: { first: Run; second: Run }) {
  const query = usePairedTest(first.job.id, second.job.id);
  if (query.isError) return <p className="muted">{asServiceError(query.error).message}</p>;
  if (!query.data) return <Skeleton label="Comparing" />;
  const test = query.data;
  const [low, high] = test.difference_interval;
  const isSure = test.p_value < 0.05;
  return (
    <div className={styles.result}>
      <p>
        {isSure ? (
          <>
            <strong>{runLabel(test.difference > 0 ? first : second)}</strong> is better by{" "}
            {points(Math.abs(test.difference))} points.
          </>
        ) : (
          <strong>The difference may be chance.</strong>
        )}{" "}
        <span className="muted">
          {percent(test.accuracy)} against {percent(test.other_accuracy)} on{" "}
          {count(test.num_images)} images: {points(test.difference)} points, 95 % interval{" "}
          {points(low)} to {points(high)}, {pValue(test.p_value)}. Only the first is right on{" "}
          {count(test.only_this_right)} images, and only the second on{" "}
          {count(test.only_other_right)}. Both are wrong on {count(test.both_wrong)}.
        </span>
      </p>
      <Disagreements first={first} second={second} />
    </div>
  );
}

function Disagreements({ first, second }: { first: Run; second: Run }) {
  const query = useDisagreements(first.job.id, second.job.id, NUM_IMAGES);
  return (
    <Loaded query={query}>
      {(page) =>
        page.data.length === 0 ? null : (
          <>
            <h3>Images on which they disagree</h3>
            <TileGrid>
              {page.data.map((image) => (
                <Tile
                  key={image.image_id}
                  src={image.thumbnail_url ?? ""}
                  alt={`${image.path}, labelled ${image.label}`}
                  caption={image.label}
                  aside={`${image.predicted} / ${image.other_predicted}`}
                />
              ))}
            </TileGrid>
          </>
        )
      }
    </Loaded>
  );
}
