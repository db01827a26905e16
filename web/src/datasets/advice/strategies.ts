/** The strategies of training in words. */

import type { Schemas } from "@/api/client";
import { STRATEGY_NAMES } from "@/jobs/words";

type Strategy = Schemas["Advice"]["strategy"];

const ADVICE: Record<Strategy, string> = {
  feature_extract: "Train the head only",
  partial: "Train the last layers and the head",
  fine_tune: "Fine-tune all layers",
  scratch: "Train from scratch",
};

/** The advice of a strategy: “Train the head only”. */
export function adviceText(strategy: Strategy): string {
  return ADVICE[strategy];
}

/** The name of a strategy: “Head only”. */
export function strategyText(strategy: string): string {
  return strategy in STRATEGY_NAMES ? STRATEGY_NAMES[strategy as Strategy] : strategy;
}
