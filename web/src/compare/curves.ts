import type { Series } from "@/ui/Chart";
import type { Run } from "./queries";

export type Metric = "val_accuracy" | "val_loss";

const NUM_COLORS = 6;

/** A job's name in the legend: its model, network and strategy, short and distinct. */
export function runLabel({ job }: Run): string {
  return `${job.config.model_name}, ${job.config.architecture}, ${job.config.strategy.replace("_", " ")}`;
}

/** The colour of the job at an index, from 1. */
export function colorOf(index: number): number {
  return (index % NUM_COLORS) + 1;
}

/** One curve for each job over all epochs that any of them has. */
export function makeCurves(
  runs: readonly Run[],
  metric: Metric,
): { x: number[]; series: Series[] } {
  const epochs = new Set(runs.flatMap(({ history }) => history.map((row) => row.epoch)));
  const x = [...epochs].sort((a, b) => a - b);
  const series = runs.map((run, index) => {
    const byEpoch = new Map(run.history.map((row) => [row.epoch, row[metric]]));
    return {
      label: runLabel(run),
      color: colorOf(index),
      dashed: index >= NUM_COLORS,
      values: x.map((epoch) => byEpoch.get(epoch) ?? null),
    };
  });
  return { x, series };
}
