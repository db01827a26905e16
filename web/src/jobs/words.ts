import type { Schemas } from "@/api/client";
import { compact, count } from "@/format";
import type { Job } from "./queries";

type Strategy = Schemas["JobConfig"]["strategy"];

/** The strategies as people read them. */
export const STRATEGY_NAMES: Record<Strategy, string> = {
  auto: "Chosen by the job",
  feature_extract: "Head only",
  fine_tune: "Fine-tune",
  partial: "Partial",
  scratch: "From scratch",
};

/** The configuration that a job runs with: its `auto` values are decided once it has started. */
export function configOf(job: Job): Schemas["JobConfig"] {
  return job.resolved?.config ?? job.config;
}

/** Whether a job solves its head by L-BFGS, so that its rows are L2 strengths and not epochs. */
export function l2Strengths(job: Job): readonly number[] | null {
  const { optimizer } = configOf(job);
  return typeof optimizer === "object" && optimizer.name === "lbfgs"
    ? optimizer.l2_strengths
    : null;
}

/** “resnet18, head only”. */
export function describeRecipe(job: Job): string {
  const { architecture, strategy } = configOf(job);
  return `${architecture}, ${STRATEGY_NAMES[strategy].toLowerCase()}`;
}

/** A number of parameters: in full while it is small, else as 11.2M. */
export function parameters(value: number | null | undefined): string {
  return value != null && value < 10_000 ? count(value) : compact(value);
}
