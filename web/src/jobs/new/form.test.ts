import { expect, test } from "vitest";
import type { Schemas } from "@/api/client";
import {
  defaultArchitecture,
  fromScratch,
  type JobForm,
  measuredRequest,
  mergeByName,
  readChanges,
  requestOf,
} from "./form";

const form: JobForm = {
  datasetId: "ds_1",
  budget: "",
  architecture: "resnet18",
  strategy: "partial",
  preset: "recommended",
  trainableFrom: "layer4",
  modelName: "",
  changes: { epochs: 12, batch_norm: "eval", seed: 3, "optimizer.learning_rate": 0.01 },
};

test("a form becomes a request; what is empty is left out", () => {
  expect(requestOf(form)).toEqual({
    dataset_id: "ds_1",
    architecture: "resnet18",
    strategy: "partial",
    preset: "recommended",
    trainable_from: "layer4",
    seed: 3,
    epochs: 12,
    batch_norm: "eval",
    optimizer: { learning_rate: 0.01 },
  });
  expect(requestOf({ ...form, strategy: "fine_tune" })).not.toHaveProperty("trainable_from");
});

test("with a time budget the job chooses everything", () => {
  expect(requestOf({ ...form, budget: "300", modelName: "bees" })).toEqual({
    dataset_id: "ds_1",
    architecture: "auto",
    strategy: "auto",
    time_budget_seconds: 300,
    preset: "recommended",
    seed: 0,
    model_name: "bees",
  });
});

test("a name or a seed starts no new measurement", () => {
  const other = { ...form, modelName: "bees", changes: { ...form.changes, seed: 9 } };
  expect(measuredRequest(other)).toEqual(measuredRequest(form));
});

test("the comparison keeps the recipe but nothing that needs pretrained weights", () => {
  const scratch = fromScratch(form, "a".repeat(63));
  expect(requestOf(scratch)).toMatchObject({ strategy: "scratch", epochs: 12, seed: 3 });
  expect(requestOf(scratch)).not.toHaveProperty("batch_norm");
  expect(scratch.modelName).toHaveLength(63);
  expect(scratch.modelName.endsWith("-scratch")).toBe(true);
  const solved = { ...form, changes: { "optimizer.name": "lbfgs", "optimizer.folds": 3 } };
  expect(fromScratch(solved, "a").changes).toEqual({});
});

test("the first architecture is one whose weights can be had", () => {
  const one = (name: string, availability: string) =>
    ({ name, weights: [{ is_default: true, availability }] }) as Schemas["Architecture"];
  expect(defaultArchitecture([one("alexnet", "local"), one("resnet18", "download")])).toBe(
    "resnet18",
  );
  expect(defaultArchitecture([one("alexnet", "local"), one("resnet18", "unavailable")])).toBe(
    "alexnet",
  );
  expect(defaultArchitecture([])).toBe("resnet18");
});

test("a broken URL is an empty recipe", () => {
  expect(readChanges("{oops")).toEqual({});
  expect(readChanges("[1]")).toEqual({});
  expect(readChanges('{"epochs":3}')).toEqual({ epochs: 3 });
});

test("searched architectures follow the listed ones, each once", () => {
  const listed = [{ name: "resnet18" }, { name: "resnet50" }];
  const found = [{ name: "resnet50" }, { name: "timm:resnet50" }];
  expect(mergeByName(listed, found).map(({ name }) => name)).toEqual([
    "resnet18",
    "resnet50",
    "timm:resnet50",
  ]);
});
