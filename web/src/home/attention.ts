/** Where each item that wants attention is dealt with. */

import type { Schemas } from "@/api/client";
import { datasetPath, findingsPath } from "@/datasets/links";
import type { Tone } from "@/ui/Chip";

export type Attention = Schemas["Overview"]["attention"][number];

const CHIPS: Record<Attention["kind"], { label: string; tone: Tone }> = {
  job_failed: { label: "failed", tone: "bad" },
  dataset_invalid: { label: "invalid", tone: "bad" },
  leaked: { label: "leaked", tone: "bad" },
  near_leaked: { label: "near copies", tone: "neutral" },
  suspect_labels: { label: "labels", tone: "warn" },
  gate_failed: { label: "gate", tone: "warn" },
};

/** The word and tone of an item's chip. */
export function attentionChip(kind: Attention["kind"]): { label: string; tone: Tone } {
  return CHIPS[kind];
}

/** The page that an item is dealt with on. */
export function attentionPath({ kind, subject }: Pick<Attention, "kind" | "subject">): string {
  switch (kind) {
    case "job_failed":
      return `/jobs/${subject}`;
    case "dataset_invalid":
      return datasetPath(subject);
    case "gate_failed":
      return `/models/${subject}`;
    default:
      return findingsPath(subject, kind);
  }
}
