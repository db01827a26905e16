/** The figures of a report for one of its splits. */

import type { Schemas } from "@/api/client";
import type { Report } from "../queries";

export type Split = "val" | "test";
export type ClassFigures = Schemas["ClassFigures"];

/** Return the figures of a split; the validation split's are those of the report itself. */
export function figuresOf(report: Report, split: Split): Schemas["SplitFigures"] {
  return split === "test" && report.test ? report.test : report;
}

/** Return the class with the lowest recall among those that occur. */
export function weakestClass(classes: readonly ClassFigures[]): ClassFigures | null {
  const occurring = classes.filter(({ recall }) => recall !== null);
  return occurring.reduce<ClassFigures | null>(
    (weakest, one) =>
      weakest === null || (one.recall ?? 1) < (weakest.recall ?? 1) ? one : weakest,
    null,
  );
}

export const CLASS_KEYS = ["class_name", "support", "precision", "recall", "f1"] as const;
export type ClassKey = (typeof CLASS_KEYS)[number];

/** Sort classes by a figure; those without it come last. */
export function sortClasses(
  classes: readonly ClassFigures[],
  key: ClassKey,
  descending: boolean,
): ClassFigures[] {
  const sign = descending ? -1 : 1;
  return classes.toSorted((a, b) => {
    const [left, right] = [a[key], b[key]];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    if (typeof left === "string") return sign * left.localeCompare(String(right));
    return sign * (left - Number(right)) || a.support - b.support;
  });
}
