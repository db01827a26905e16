/** The strategies of training in words. */

import type { Schemas } from "@/api/client";

type Strategy = Schemas["Advice"]["strategy"];

const TEXTS: Record<Strategy, { advice: string; short: string }> = {
  feature_extract: { advice: "Train the head alone", short: "Head alone" },
  partial: { advice: "Train the last layers and the head", short: "Last layers" },
  fine_tune: { advice: "Fine-tune all layers", short: "All layers" },
  scratch: { advice: "Train from scratch", short: "From scratch" },
};

/** The advice of a strategy: “Train the head alone”. */
export function adviceText(strategy: Strategy): string {
  return TEXTS[strategy].advice;
}

/** The name of a strategy: “Head alone”. */
export function strategyText(strategy: string): string {
  return strategy in TEXTS ? TEXTS[strategy as Strategy].short : "Chosen by the service";
}
