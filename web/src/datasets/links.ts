/** Addresses within the dashboard that concern a dataset. */

import type { FindingKind } from "./summary";

export function datasetPath(id: string): string {
  return `/datasets/${id}`;
}

export function findingsPath(id: string, kind: FindingKind): string {
  return `/datasets/${id}?tab=findings&kind=${kind}`;
}

export function classPath(id: string, className: string): string {
  return `/datasets/${id}?${new URLSearchParams({ class: className })}`;
}

/** The page of a new job, filled in. */
export function trainPath(
  id: string,
  recipe: { strategy?: string; architecture?: string } = {},
): string {
  return `/jobs/new?${new URLSearchParams({ dataset: id, ...recipe })}`;
}
