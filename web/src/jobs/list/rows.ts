interface Row {
  id: string;
}

/** Join the newest page with older ones, newest first; the newest page's rows replace others. */
export function mergeRows<T extends Row>(newest: readonly T[], older: readonly T[]): T[] {
  const rows = new Map<string, T>();
  for (const row of older) rows.set(row.id, row);
  for (const row of newest) rows.set(row.id, row);
  const merged = [...rows.values()];
  return merged.sort((left, right) => (left.id < right.id ? 1 : left.id > right.id ? -1 : 0));
}

/** Return whether so many rows are new that the newest page no longer reaches the older pages. */
export function leavesGap(
  newest: { data: readonly Row[]; has_more: boolean } | undefined,
  older: { data: readonly Row[] } | undefined,
): boolean {
  const oldest = newest?.data.at(-1);
  const first = older?.data[0];
  return newest?.has_more === true && !!oldest && !!first && oldest.id > first.id;
}
