import { expect, test } from "vitest";
import { confusedPairs, countMistakes, rowTotals, shrink } from "./confusion";

const matrix = [
  [8, 2, 0],
  [1, 3, 0],
  [0, 2, 4],
];
const names = ["ants", "bees", "wasps"];

test("the most frequent mistake comes first, then the larger share of its label", () => {
  expect(rowTotals(matrix)).toEqual([10, 4, 6]);
  expect(countMistakes(matrix)).toBe(5);
  expect(confusedPairs(matrix, names)).toEqual([
    { label: "wasps", predicted: "bees", numImages: 2, share: 2 / 6 },
    { label: "ants", predicted: "bees", numImages: 2, share: 0.2 },
    { label: "bees", predicted: "ants", numImages: 1, share: 0.25 },
  ]);
});

test("a shrunk matrix still shows a single mistake among many classes", () => {
  const size = 1200;
  const large = Array.from({ length: size }, (_, at) =>
    Array.from({ length: size }, (_, to) => (at === to ? 9 : 0)),
  );
  (large[701] as number[])[3] = 1;
  const { side, blocks } = shrink(large, 300);
  expect(side).toBe(300);
  expect(blocks[Math.floor(701 / 4) * 300]).toEqual({
    at: 701,
    to: 3,
    share: 0.1,
    isMistake: true,
  });
  expect(blocks.filter((block) => block?.isMistake)).toHaveLength(1);
  expect(blocks[0]).toMatchObject({ isMistake: false, share: 1 });
});

test("a small matrix keeps its cells", () => {
  const { side, blocks } = shrink(matrix, 300);
  expect(side).toBe(3);
  expect(blocks[2]).toBeNull();
  expect(blocks[1]).toEqual({ at: 0, to: 1, share: 0.2, isMistake: true });
});
