/** The form of a new job and the request that it stands for. */

import type { Schemas } from "@/api/client";
import { type Recipe, toRequest } from "../recipe";

export const STRATEGIES = ["feature_extract", "fine_tune", "partial", "scratch"] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const PRESETS = [
  "recommended",
  "tutorial",
  "tutorial-steplr",
  "tutorial-inception",
] as const;
export type Preset = (typeof PRESETS)[number];

/** Time budgets that the form offers, in seconds. */
export const BUDGETS = ["60", "300", "1200"] as const;

export interface JobForm {
  datasetId: string;
  /** Seconds within which the job chooses architecture and strategy itself; empty: no budget. */
  budget: string;
  architecture: string;
  strategy: Strategy;
  preset: Preset;
  trainableFrom: string | null;
  /** Empty: the dataset's name. */
  modelName: string;
  changes: Recipe;
}

const MAX_NAME = 63;
const SCRATCH_SUFFIX = "-scratch";

/** Fields that need pretrained weights or frozen layers. */
const NOT_FROM_SCRATCH = new Set([
  "weights",
  "head_start",
  "batch_norm",
  "cached_views",
  "staged_unfreezing.epochs_per_stage",
  "staged_unfreezing.num_stages",
  "optimizer.l2_strengths",
  "optimizer.folds",
]);

/** The request of POST /jobs for a form. */
export function requestOf(form: JobForm): Schemas["JobRequest"] {
  if (form.budget) {
    return {
      dataset_id: form.datasetId,
      architecture: "auto",
      strategy: "auto",
      time_budget_seconds: Number(form.budget),
      preset: "recommended",
      seed: 0,
      ...(form.modelName ? { model_name: form.modelName } : {}),
    };
  }
  return {
    dataset_id: form.datasetId,
    architecture: form.architecture,
    strategy: form.strategy,
    preset: form.preset,
    seed: 0,
    ...(form.strategy === "partial" && form.trainableFrom
      ? { trainable_from: form.trainableFrom }
      : {}),
    ...(form.modelName ? { model_name: form.modelName } : {}),
    ...toRequest(form.changes),
  };
}

/** The request that measures a form: without what does not change the measurement. */
export function measuredRequest(form: JobForm): Schemas["JobRequest"] {
  const { seed: _, ...changes } = form.changes;
  return requestOf({ ...form, modelName: "", changes });
}

/** The same form from random weights, for a comparison; its model has a name of its own. */
export function fromScratch(form: JobForm, datasetName: string): JobForm {
  const solves = form.changes["optimizer.name"] === "lbfgs";
  const changes = Object.fromEntries(
    Object.entries(form.changes).filter(
      ([path]) => !NOT_FROM_SCRATCH.has(path) && !(solves && path === "optimizer.name"),
    ),
  );
  const name = form.modelName || datasetName;
  return {
    ...form,
    strategy: "scratch",
    trainableFrom: null,
    modelName: name.slice(0, MAX_NAME - SCRATCH_SUFFIX.length) + SCRATCH_SUFFIX,
    changes,
  };
}

/** The architecture to begin with: the service's default, or one whose weights can be had. */
export function defaultArchitecture(architectures: readonly Schemas["Architecture"][]): string {
  const usual = architectures.find(({ name }) => name === "resnet18");
  if (usual && availability(usual) !== "unavailable") return usual.name;
  const local = architectures.find((one) => availability(one) === "local");
  return (local ?? usual)?.name ?? "resnet18";
}

/** Both lists, each architecture once, in the order in which they are given. */
export function mergeByName<T extends { name: string }>(
  one: readonly T[],
  other: readonly T[],
): T[] {
  const names = new Set(one.map(({ name }) => name));
  return [...one, ...other.filter(({ name }) => !names.has(name))];
}

/** Whether the default weights of an architecture can be had. */
export function availability({
  weights,
}: Schemas["Architecture"]): Schemas["PretrainedWeights"]["availability"] {
  return weights.find(({ is_default }) => is_default)?.availability ?? "unavailable";
}

/** Read the form's recipe from the URL; an unreadable one counts as none. */
export function readChanges(text: string | null): Recipe {
  if (!text) return {};
  try {
    const value: unknown = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? (value as Recipe) : {};
  } catch {
    return {};
  }
}
