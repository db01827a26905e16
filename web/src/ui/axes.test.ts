import { expect, it } from "vitest";
import { nameTick, padded, paddedShare, upToOne } from "./axes";

it("constant accuracies get an axis whose ticks differ as percent", () => {
  const [low, high] = paddedShare(null, 1, 1);
  expect(low).toBeCloseTo(0.96);
  expect(high).toBeCloseTo(1.0024, 4);
  expect(paddedShare(null, 0, 0.01)[0]).toBe(0);
  expect(paddedShare(null, 0.2, 0.9)[1]).toBeCloseTo(0.942);
});

it("an accuracy axis has no ticks above one", () => {
  expect(upToOne(null, [0.98, 0.99, 1 + 1e-12, 1.01])).toEqual([0.98, 0.99, 1 + 1e-12, null]);
});

it("a constant loss gets room, and an axis of losses does not go below zero", () => {
  const [low, high] = padded(null, 2, 2);
  expect(low).toBeLessThan(2);
  expect(high).toBeGreaterThan(2);
  expect(padded(null, 0.001, 1)[0]).toBe(0);
  expect(padded(null, null, null)).toEqual([0, 1]);
});

it("a logarithmic axis names powers of ten alone", () => {
  expect([0.01, 0.02, 0.1, null].map(nameTick)).toEqual(["0.01", "", "0.1", ""]);
});
