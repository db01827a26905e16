import { describeRecipe, l2Strengths } from "@/jobs/words";
import type { Series } from "@/ui/Chart";
import type { Run } from "./queries";

export type Metric = "val_accuracy" | "val_loss";

const NUM_COLORS = 6;

/** A job's name in the legend: its model, network and strategy, short and distinct. */
export function runLabel({ job }: Pick<Run, "job">): string {
  return `${job.config.model_name}, ${describeRecipe(job)}`;
}

/** The colour of the job at an index, from 1. */
export function colorOf(index: number): number {
  return (index % NUM_COLORS) + 1;
}

/**
 * One curve for each job over all epochs that any of them has.
 *
 * A solved head has no epochs (its rows are L2 strengths), so its best value is a dashed line.
 */
export function makeCurves(
  runs: readonly Run[],
  metric: Metric,
): { x: number[]; series: Series[] } {
  const trained = runs.filter((run) => !isSolved(run.job));
  const epochs = new Set(trained.flatMap(({ history }) => history.map((row) => row.epoch)));
  const x = epochs.size > 0 ? [...epochs].sort((a, b) => a - b) : [1, 2];
  const series = runs.map((run, index) => {
    const byEpoch = new Map(run.history.map((row) => [row.epoch, row[metric]]));
    const best = run.job.best?.[metric] ?? null;
    return {
      label: runLabel(run),
      color: colorOf(index),
      dashed: isSolved(run.job) || index >= NUM_COLORS,
      values: x.map((epoch) => (isSolved(run.job) ? best : (byEpoch.get(epoch) ?? null))),
    };
  });
  return { x, series };
}

function isSolved(job: Run["job"]): boolean {
  return l2Strengths(job) !== null;
}
