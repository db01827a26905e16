import { describe, expect, it } from "vitest";
import { findDifferences } from "./differences";

describe("findDifferences", () => {
  it("lists only the fields that differ, by their path", () => {
    const found = findDifferences([
      { epochs: 4, optimizer: { name: "sgd", learning_rate: 0.1 }, ema: null },
      { epochs: 4, optimizer: { name: "adamw", learning_rate: 0.1 }, ema: null },
    ]);
    expect(found).toEqual([{ field: "optimizer.name", values: ["sgd", "adamw"] }]);
  });

  it("shows a field that only one of them has", () => {
    const found = findDifferences([{ optimizer: { momentum: 0.9 } }, { optimizer: {} }]);
    expect(found).toEqual([{ field: "optimizer.momentum", values: ["0.9", "–"] }]);
  });

  it("tells switched off from another value", () => {
    expect(findDifferences([{ ema: null }, { ema: { decay: 0.9 } }])).toEqual([
      { field: "ema", values: ["off", "–"] },
      { field: "ema.decay", values: ["–", "0.9"] },
    ]);
  });

  it("finds nothing in equal configurations", () => {
    expect(findDifferences([{ a: [1, 2] }, { a: [1, 2] }])).toEqual([]);
  });
});
