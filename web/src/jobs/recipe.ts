/** The recipe of a job as flat fields: `optimizer.learning_rate` → 0.001. */

import type { Schemas } from "@/api/client";
import { short } from "@/format";

export type Value = string | number | boolean | null | readonly number[];
export type Recipe = Record<string, Value>;
type Config = Schemas["JobConfig"];
type Request = Schemas["JobRequest"];

/** Fields that are not part of the recipe: what is trained, and under which name. */
const SUBJECT = new Set(["dataset_id", "model_name", "preset", "time_budget_seconds"]);

/** Objects that may be switched off, with the field that tells so. */
const SWITCHES: Record<string, string> = {
  ema: "decay",
  early_stopping: "patience",
  mixing: "name",
  staged_unfreezing: "epochs_per_stage",
};

/** Return the fields of a configuration by their path. */
export function flatten(config: Config): Recipe {
  const recipe: Recipe = {};
  for (const [name, value] of Object.entries(config)) {
    if (SUBJECT.has(name)) continue;
    if (value === null && SWITCHES[name]) recipe[`${name}.${SWITCHES[name]}`] = null;
    else if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      for (const [part, inner] of Object.entries(value)) recipe[`${name}.${part}`] = inner as Value;
    } else recipe[name] = value as Value;
  }
  return recipe;
}

export interface Difference {
  path: string;
  value: Value | undefined;
  preset: Value | undefined;
}

/** Return the fields in which a recipe and its preset differ, in the recipe's order. */
export function diff(recipe: Recipe, preset: Recipe): Difference[] {
  return [...new Set([...Object.keys(recipe), ...Object.keys(preset)])]
    .filter((path) => JSON.stringify(recipe[path]) !== JSON.stringify(preset[path]))
    .map((path) => ({ path, value: recipe[path], preset: preset[path] }));
}

/** Return the request fields that make a recipe of its preset: a clone's changes. */
export function changesOf(recipe: Recipe, preset: Recipe): Recipe {
  const changes: Recipe = {};
  for (const { path, value } of diff(recipe, preset)) {
    if (value !== undefined && !CHOSEN_APART.has(path)) changes[path] = value;
  }
  return changes;
}

/** Fields that the form has outside of the recipe. */
const CHOSEN_APART = new Set(["architecture", "strategy", "trainable_from"]);

/** Return the recipe with one field changed; a component's other changes end with its name. */
export function change(changes: Recipe, path: string, value: Value | undefined): Recipe {
  const next = { ...changes };
  const [component, part] = path.split(".");
  if (part === "name") {
    for (const other of Object.keys(next)) {
      if (other.startsWith(`${component}.`)) delete next[other];
    }
  }
  if (value === undefined) delete next[path];
  else next[path] = value;
  return next;
}

/** Return the request that flat changes stand for. */
export function toRequest(changes: Recipe): Partial<Request> {
  const request: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(changes)) {
    const [name = path, part] = path.split(".");
    if (part === undefined) request[name] = value;
    else if (value === null && SWITCHES[name] === part) request[name] = null;
    else if (request[name] !== null) {
      request[name] = { ...(request[name] as object | undefined), [part]: value };
    }
  }
  return request as Partial<Request>;
}

/** Return the request whose configuration is the preset of a job: what it would be unchanged. */
export function presetRequest(config: Config): Request {
  const isSteppedHead =
    config.strategy === "feature_extract" &&
    typeof config.optimizer === "object" &&
    config.optimizer.name !== "lbfgs";
  return {
    dataset_id: config.dataset_id,
    architecture: config.architecture,
    strategy: config.strategy,
    preset: config.preset as Request["preset"],
    seed: 0,
    ...(config.trainable_from ? { trainable_from: config.trainable_from } : {}),
    ...(config.strategy === "scratch" ? {} : { weights: config.weights }),
    // Any field of gradient steps selects the preset of a head that is trained by them.
    ...(isSteppedHead ? { accumulate: 1 } : {}),
  };
}

const LABELS: Record<string, string> = {
  accumulate: "Batches per step",
  "augmentation.magnitude": "Strength of the operations",
  "augmentation.min_scale": "Smallest crop",
  "augmentation.name": "Augmentation",
  "augmentation.num_operations": "Operations per image",
  batch_norm: "BatchNorm",
  cached_views: "Cached views",
  class_balance: "Class balance",
  clip_norm: "Largest gradient norm",
  compile: "Compile the model",
  "early_stopping.patience": "Stop early after",
  "ema.decay": "Average of weights",
  head_start: "Start of the head",
  layer_decay: "Layer decay",
  "mixing.alpha": "Mixing strength",
  "mixing.name": "Mixing of images",
  num_threads: "CPU threads",
  "optimizer.folds": "Folds",
  "optimizer.l2_strengths": "L2 strengths",
  "optimizer.learning_rate": "Learning rate",
  "optimizer.momentum": "Momentum",
  "optimizer.name": "Optimizer",
  "optimizer.weight_decay": "Weight decay",
  "scheduler.gamma": "Factor at each step",
  "scheduler.name": "Schedule",
  "scheduler.step_size": "Epochs between steps",
  "scheduler.warmup_epochs": "Warm-up epochs",
  "staged_unfreezing.epochs_per_stage": "Epochs per unfrozen stage",
  "staged_unfreezing.num_stages": "Unfrozen stages",
  trainable_from: "First trained layer",
};

/** The name of a field as people read it. */
export function labelOf(path: string): string {
  const plain = path.replace(/_/g, " ").replace(".", ", ").replace(/^num /, "number of ");
  return LABELS[path] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** A value as people read it. */
export function show(value: Value | undefined): string {
  if (value === undefined) return "–";
  if (value === null) return "off";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : short(value);
  if (typeof value === "string") return value.replaceAll("_", " ");
  return value.map((one) => short(one)).join(", ");
}

/** The path of the form's field that a location of the service's answer names. */
export function pathOf(loc: readonly (string | number)[] | null | undefined): string {
  return (loc ?? []).filter((part) => part !== "body").join(".");
}
