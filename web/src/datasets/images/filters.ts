/** The filters of the image grid, as they stand in the URL. */

export const SPLITS = ["train", "val", "test"] as const;
export type Split = (typeof SPLITS)[number];

export const FINDINGS = ["suspect_label", "leaked", "near_leaked", "duplicate"] as const;
export type Finding = (typeof FINDINGS)[number];

export interface ImageFilters {
  split: Split | null;
  className: string | null;
  finding: Finding | null;
  /** A part of the path. */
  q: string;
}

const isSplit = (text: string | null): text is Split => SPLITS.some((one) => one === text);
const isFinding = (text: string | null): text is Finding => FINDINGS.some((one) => one === text);

/** Read the filters; values that do not exist count as absent. */
export function readFilters(params: URLSearchParams): ImageFilters {
  const split = params.get("split");
  const finding = params.get("finding");
  return {
    split: isSplit(split) ? split : null,
    className: params.get("class"),
    finding: isFinding(finding) ? finding : null,
    q: params.get("q") ?? "",
  };
}

/** Return the search part of a URL with some parameters changed; null removes one. */
export function withParams(
  params: URLSearchParams,
  changes: Readonly<Record<string, string | null>>,
): string {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString();
  return text === "" ? "" : `?${text}`;
}

/** Whether any filter is set. */
export function isFiltered({ split, className, finding, q }: ImageFilters): boolean {
  return split !== null || className !== null || finding !== null || q !== "";
}

/** The ids before and after an image, as far as the loaded list tells. */
export function neighboursOf(
  ids: readonly number[],
  id: number,
  isWholeDataset: boolean,
): { previous: number | null; next: number | null } {
  const index = ids.indexOf(id);
  if (index >= 0) return { previous: ids[index - 1] ?? null, next: ids[index + 1] ?? null };
  // Without filters the ids of a dataset run from 1 without a gap.
  return {
    previous: isWholeDataset && id > 1 ? id - 1 : null,
    next: isWholeDataset ? id + 1 : null,
  };
}
