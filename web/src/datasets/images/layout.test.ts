// @vitest-environment node
import { expect, it } from "vitest";
import { GAP, layOut } from "./layout";

it("puts three tiles side by side on a phone", () => {
  expect(layOut(358)).toEqual({ columns: 3, rowHeight: (358 - 2 * GAP) / 3 + GAP });
});

it("fills the width with tiles of at least 124 pixels", () => {
  const { columns, rowHeight } = layOut(1232);
  expect(columns).toBe(9);
  expect(columns * (rowHeight - GAP) + (columns - 1) * GAP).toBeCloseTo(1232);
  expect(rowHeight - GAP).toBeGreaterThanOrEqual(124);
});
