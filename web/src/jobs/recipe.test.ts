import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import { change, changesOf, diff, flatten, presetRequest, show, toRequest } from "./recipe";

const preset = {
  dataset_id: "ds_1",
  model_name: "ants",
  preset: "recommended",
  architecture: "resnet18",
  strategy: "fine_tune",
  trainable_from: null,
  weights: "imagenet",
  epochs: 4,
  batch_size: 8,
  optimizer: { name: "adamw", learning_rate: 1e-4, weight_decay: 0.01 },
  ema: { decay: 0.99 },
  mixing: null,
} as Schemas["JobConfig"];

const config = {
  ...preset,
  epochs: 12,
  optimizer: { name: "sgd", learning_rate: 0.01, momentum: 0.9, weight_decay: 0 },
  ema: null,
  mixing: { name: "mixup", alpha: 0.2 },
} as Schemas["JobConfig"];

test("a configuration becomes flat, with switches that are off as null", () => {
  expect(flatten(config)).toMatchObject({
    epochs: 12,
    "optimizer.name": "sgd",
    "ema.decay": null,
    "mixing.alpha": 0.2,
  });
  expect(flatten(config)).not.toHaveProperty("dataset_id");
});

test("only fields that differ from the preset are listed", () => {
  expect(diff(flatten(preset), flatten(preset))).toEqual([]);
  expect(diff(flatten(config), flatten(preset)).map(({ path }) => path)).toEqual([
    "epochs",
    "optimizer.name",
    "optimizer.learning_rate",
    "optimizer.momentum",
    "optimizer.weight_decay",
    "ema.decay",
    "mixing.name",
    "mixing.alpha",
  ]);
});

test("a clone's changes make the same request fields", () => {
  expect(toRequest(changesOf(flatten(config), flatten(preset)))).toEqual({
    epochs: 12,
    optimizer: { name: "sgd", learning_rate: 0.01, momentum: 0.9, weight_decay: 0 },
    ema: null,
    mixing: { name: "mixup", alpha: 0.2 },
  });
});

test("another optimizer starts from its own defaults", () => {
  const changes = change({ "optimizer.learning_rate": 1, epochs: 3 }, "optimizer.name", "sgd");
  expect(changes).toEqual({ "optimizer.name": "sgd", epochs: 3 });
  expect(change(changes, "optimizer.name", undefined)).toEqual({ epochs: 3 });
});

test("the preset of a head trained by steps is that of stepped heads", () => {
  const head = { ...config, strategy: "feature_extract" } as Schemas["JobConfig"];
  expect(presetRequest(head)).toMatchObject({ accumulate: 1, weights: "imagenet" });
  const solved = { ...head, optimizer: { name: "lbfgs", folds: 5, l2_strengths: [1] } };
  expect(presetRequest(solved as Schemas["JobConfig"])).not.toHaveProperty("accumulate");
  const scratch = { ...config, strategy: "scratch", weights: "none" } as Schemas["JobConfig"];
  expect(presetRequest(scratch)).not.toHaveProperty("weights");
});

test("values are readable", () => {
  expect(show(null)).toBe("off");
  expect(show(true)).toBe("yes");
  expect(show([1, 0.0003])).toBe("1, 3e−4");
  expect(show("linear_probe")).toBe("linear probe");
  expect(show(0.0001)).toBe("1e−4");
});
