/** The layout of the image grid. */

export const GAP = 8;
const MIN_TILE = 124;
const MIN_COLUMNS = 3;

/** How many square tiles fit side by side, and the height of a row with its gap, in pixels. */
export function layOut(width: number): { columns: number; rowHeight: number } {
  const columns = Math.max(MIN_COLUMNS, Math.floor((width + GAP) / (MIN_TILE + GAP)));
  return { columns, rowHeight: (width - (columns - 1) * GAP) / columns + GAP };
}
