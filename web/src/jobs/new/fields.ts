/** The fields of a recipe, as the form shows them. */

export interface FieldSpec {
  path: string;
  kind: "integer" | "number" | "numbers" | "choice" | "switch" | "text";
  choices?: readonly string[];
  /** Whether an empty field switches the feature off. */
  isOptional?: boolean;
  hint?: string;
}

const number = (path: string, hint?: string): FieldSpec => ({
  path,
  kind: "number",
  ...(hint ? { hint } : {}),
});
const integer = (path: string, hint?: string): FieldSpec => ({
  ...number(path, hint),
  kind: "integer",
});
const choice = (path: string, choices: readonly string[], hint?: string): FieldSpec => ({
  ...number(path, hint),
  kind: "choice",
  choices,
});
const optional = (spec: FieldSpec): FieldSpec => ({ ...spec, isOptional: true });

/** The fields that are changed most. */
export const MAIN_FIELDS: readonly FieldSpec[] = [
  integer("epochs"),
  integer("batch_size"),
  integer("input_size", "pixels"),
  choice("optimizer.name", ["sgd", "rmsprop", "adamw", "lbfgs"]),
  number("optimizer.learning_rate"),
  number("optimizer.weight_decay"),
  number("optimizer.momentum"),
  { path: "optimizer.l2_strengths", kind: "numbers", hint: "with commas between them" },
  integer("optimizer.folds", "of the cross-validation"),
  choice("scheduler.name", ["constant", "step", "cosine"]),
  number("scheduler.warmup_epochs"),
  integer("scheduler.step_size"),
  number("scheduler.gamma"),
  choice("augmentation.name", ["tutorial", "trivial", "rand", "none"]),
  number("augmentation.min_scale", "share of the image's area"),
  integer("augmentation.num_operations"),
  integer("augmentation.magnitude", "0 to 30"),
  integer("seed"),
];

/** The other fields. */
export const FURTHER_FIELDS: readonly FieldSpec[] = [
  { path: "weights", kind: "text", hint: "imagenet, none, or a model such as ants-and-bees:3" },
  optional(integer("early_stopping.patience", "epochs without improvement; empty: never")),
  choice("class_balance", ["auto", "none", "loss", "sampling"], "for rare classes"),
  optional(choice("mixing.name", ["mixup", "cutmix"])),
  number("mixing.alpha"),
  number("label_smoothing"),
  optional(number("ema.decay", "moving average of the weights; empty: off")),
  optional(number("clip_norm", "empty: off")),
  integer("accumulate"),
  number("layer_decay", "factor from each layer to the one below"),
  choice("head", ["linear", "torchvision"]),
  choice("head_start", ["random", "linear_probe"]),
  choice("batch_norm", ["train", "eval"], "eval keeps the pretrained statistics"),
  optional(integer("cached_views", "of each image; empty: off")),
  optional(integer("staged_unfreezing.epochs_per_stage", "empty: all layers at once")),
  integer("staged_unfreezing.num_stages"),
  choice("precision", ["auto", "fp32", "bf16", "fp16"]),
  integer("num_threads"),
  { path: "compile", kind: "switch" },
];

/** Parse what was typed; undefined where it is not such a value. */
export function parse(
  kind: FieldSpec["kind"],
  text: string,
): number | string | number[] | undefined {
  if (kind === "text") return text;
  if (kind === "numbers") {
    const numbers = text
      .split(/[,\s]+/)
      .filter(Boolean)
      .map(Number);
    return numbers.length > 0 && numbers.every(Number.isFinite) ? numbers : undefined;
  }
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) return undefined;
  return kind === "integer" && !Number.isInteger(value) ? undefined : value;
}
