/** Readings of a confusion matrix: rows are labels, columns predictions. */

export interface Cell {
  label: string;
  predicted: string;
}

export interface ConfusedPair extends Cell {
  numImages: number;
  /** Share of the label's images. */
  share: number;
}

type Matrix = readonly (readonly number[])[];

/** Return the number of images of each label. */
export function rowTotals(matrix: Matrix): number[] {
  return matrix.map((row) => row.reduce((sum, value) => sum + value, 0));
}

/** List the mistakes by cell, the most frequent first. */
export function confusedPairs(matrix: Matrix, names: readonly string[]): ConfusedPair[] {
  const totals = rowTotals(matrix);
  const pairs: ConfusedPair[] = [];
  matrix.forEach((row, at) => {
    row.forEach((numImages, to) => {
      if (at === to || numImages === 0) return;
      pairs.push({
        label: names[at] ?? "",
        predicted: names[to] ?? "",
        numImages,
        share: numImages / (totals[at] ?? 1),
      });
    });
  });
  return pairs.sort((a, b) => b.numImages - a.numImages || b.share - a.share);
}

/** Return how many images were predicted wrongly. */
export function countMistakes(matrix: Matrix): number {
  return matrix.reduce(
    (sum, row, at) => sum + row.reduce((all, value, to) => all + (at === to ? 0 : value), 0),
    0,
  );
}

export interface Block {
  /** The row and the column of the block's strongest cell. */
  at: number;
  to: number;
  /** Share of that cell's label, 0 to 1. */
  share: number;
  /** Whether that cell is a mistake. */
  isMistake: boolean;
}

/**
 * Shrink a matrix to at most `size` blocks a side, each as strong as its strongest cell.
 *
 * A block with a mistake shows the mistake, so that single mistakes stay visible among 1,200 classes.
 */
export function shrink(matrix: Matrix, size: number): { side: number; blocks: (Block | null)[] } {
  const totals = rowTotals(matrix);
  const side = Math.min(size, matrix.length);
  const blocks: (Block | null)[] = new Array(side * side).fill(null);
  matrix.forEach((row, at) => {
    const y = Math.floor((at * side) / matrix.length);
    row.forEach((value, to) => {
      if (value === 0) return;
      const index = y * side + Math.floor((to * side) / matrix.length);
      const block: Block = { at, to, share: value / (totals[at] ?? 1), isMistake: at !== to };
      const other = blocks[index];
      if (!other || rank(block) > rank(other)) blocks[index] = block;
    });
  });
  return { side, blocks };
}

function rank({ share, isMistake }: Block): number {
  return share + (isMistake ? 1 : 0);
}
