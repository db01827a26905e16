/** The curves of a job from the rows of its history. */

import type { Schemas } from "@/api/client";

type Row = Schemas["EpochRow"];

export interface Curves {
  x: number[];
  trainLoss: number[];
  valLoss: number[];
  trainAccuracy: number[];
  valAccuracy: number[];
  /** The x value of the best row. */
  best: number | null;
}

/** Return the columns of a history by epoch, or by L2 strength from the smallest. */
export function makeCurves(rows: readonly Row[], strengths: readonly number[] | null): Curves {
  const position = (row: Row) => strengths?.[row.epoch - 1] ?? row.epoch;
  const sorted = strengths ? rows.toSorted((a, b) => position(a) - position(b)) : rows;
  const best = sorted.find((row) => row.is_best);
  return {
    x: sorted.map(position),
    trainLoss: sorted.map((row) => row.train_loss),
    valLoss: sorted.map((row) => row.val_loss),
    trainAccuracy: sorted.map((row) => row.train_accuracy),
    valAccuracy: sorted.map((row) => row.val_accuracy),
    best: best ? position(best) : null,
  };
}
