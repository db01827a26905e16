import { expect, test } from "vitest";
import { EMPTY_FORM, listRates, METHODS, requestOf } from "./studyForm";

const form = { ...EMPTY_FORM, datasetId: "ds_1" };

test("a form becomes a request of an adaptive search", () => {
  expect(requestOf({ ...form, name: "rates" })).toEqual({
    dataset_id: "ds_1",
    name: "rates",
    base: { architecture: "resnet18", strategy: "fine_tune", epochs: 9 },
    search: {
      method: "tpe",
      space: {
        "optimizer.learning_rate": { low: 0.00001, high: 0.01, log: true, integer: false },
        batch_size: [8, 16, 32],
      },
      num_trials: 12,
      num_parallel: 2,
      min_epochs: 1,
      reduction_factor: 3,
      seed: 0,
    },
    seeds: 1,
  });
  expect(requestOf(EMPTY_FORM)).toBeNull();
});

test("only adaptive searches have a number of parallel configurations", () => {
  for (const { value } of METHODS) {
    const search = requestOf({ ...form, method: value })?.search;
    expect(search?.num_parallel !== undefined, value).toBe(["tpe", "hyperband"].includes(value));
  }
});

test("a grid has lists of values, and as many configurations as there are", () => {
  const search = requestOf({ ...form, method: "grid", batchSizes: " 8 ;16" })?.search;
  expect(search?.space).toEqual({
    "optimizer.learning_rate": [0.00001, 0.0001, 0.001, 0.01],
    batch_size: [8, 16],
  });
  expect(search).not.toHaveProperty("num_trials");
});

test("no batch size leaves it to the preset", () => {
  const search = requestOf({ ...form, batchSizes: " " })?.search;
  expect(search?.space).not.toHaveProperty("batch_size");
});

test("rates of a grid are both ends and the powers of ten between", () => {
  expect(listRates(0.0005, 0.02)).toEqual([0.0005, 0.001, 0.01, 0.02]);
  expect(listRates(0.01, 0.01)).toEqual([0.01]);
});
