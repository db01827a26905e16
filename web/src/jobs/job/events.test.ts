import { expect, test } from "vitest";
import { flattenEnvironment } from "./EnvironmentTab";
import { describeEvent } from "./events";

const percent = (share: number) => `${share * 100} %`;

test("events read as words", () => {
  const epoch = { epoch: 3, val_accuracy: 0.5, val_loss: 1, is_best: true };
  expect(describeEvent({ type: "epoch", payload: epoch }, percent)).toBe(
    "epoch 3: validation accuracy 50 %, the best so far",
  );
  const failed = { code: "DIVERGED", message: "The loss is not a number." };
  expect(describeEvent({ type: "failed", payload: failed }, percent)).toBe(
    "DIVERGED: The loss is not a number.",
  );
  const resumed = { from_epoch: 2, config: {} };
  expect(describeEvent({ type: "resumed", payload: resumed }, percent)).toBe("from epoch: 2");
});

test("an environment becomes names and values", () => {
  expect(flattenEnvironment({ libraries: { torch: "2.9" }, seed: 0, weights: null })).toEqual([
    ["libraries.torch", "2.9"],
    ["seed", "0"],
    ["weights", "none"],
  ]);
});
