/** What a dataset holds, added up. */

import { plural } from "@/format";
import type { Dataset } from "./queries";

const SPLIT_ORDER = ["train", "val", "test"];

/** The splits of a dataset in their usual order. */
export function splitsOf(dataset: Dataset): string[] {
  return SPLIT_ORDER.filter((split) => dataset.splits[split] !== undefined);
}

/** The number of accepted images in all splits. */
export function numImages(dataset: Dataset): number {
  return Object.values(dataset.splits).reduce((sum, split) => sum + split.num_images, 0);
}

export interface ClassCounts {
  name: string;
  total: number;
  /** Images in each split, in the order of `splitsOf`. */
  counts: number[];
}

/** The images of each class by split, in the order of the class names. */
export function countClasses(dataset: Dataset): ClassCounts[] {
  const splits = splitsOf(dataset);
  return dataset.class_names.map((name) => {
    const counts = splits.map((split) => dataset.splits[split]?.per_class[name] ?? 0);
    return { name, counts, total: counts.reduce((sum, value) => sum + value, 0) };
  });
}

export type FindingKind =
  | "leaked"
  | "near_leaked"
  | "duplicates"
  | "suspect_labels"
  | "rejected"
  | "ignored";

/** The kinds of findings, the most serious first. */
export const FINDING_KINDS: readonly FindingKind[] = [
  "leaked",
  "suspect_labels",
  "near_leaked",
  "duplicates",
  "rejected",
  "ignored",
];

/** How many findings of each kind there are. */
export function countFindings({ report }: Dataset): Record<FindingKind, number> {
  const { counts } = report;
  return {
    leaked: counts.leaked,
    near_leaked: counts.near_leaked,
    duplicates: counts.duplicates,
    suspect_labels: counts.suspect_labels,
    rejected: counts.rejected,
    ignored: counts.ignored,
  };
}

/** The number of findings that a person should look at; ignored files are none. */
export function numFindings(dataset: Dataset): number {
  const { ignored: _, ...counts } = countFindings(dataset);
  return Object.values(counts).reduce((sum, value) => sum + value, 0);
}

const WORDS: Record<FindingKind, [string, string]> = {
  leaked: ["image in two splits", "images in two splits"],
  near_leaked: ["near copy in another split", "near copies in another split"],
  duplicates: ["duplicate within a split", "duplicates within a split"],
  suspect_labels: ["label looks wrong", "labels look wrong"],
  rejected: ["image could not be read", "images could not be read"],
  ignored: ["file was ignored", "files were ignored"],
};

/** A finding in words: "2 labels look wrong". */
export function findingText(kind: FindingKind, value: number): string {
  return plural(value, ...WORDS[kind]);
}
