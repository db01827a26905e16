/** The stages of an ingestion in words. */

import type { Schemas } from "@/api/client";

type Progress = Schemas["IngestionProgress"];

const STAGES: Record<string, string> = {
  queued: "Waits for a worker",
  waiting_for_space: "Waits until the disk has free space",
  starting: "A worker starts on it",
  checking: "Step 1 of 2: checking every image",
  unpacking: "Step 2 of 2: storing the images",
  done: "Done",
};

/** What the service does with the upload now. */
export function stageText(stage: string): string {
  return STAGES[stage] ?? stage;
}

/** The share of the stage that is done; null while it is not known. */
export function stageShare({ stage, done, total }: Progress): number | null {
  if (total === 0 || (stage !== "checking" && stage !== "unpacking")) return null;
  return done / total;
}
