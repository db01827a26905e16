/** The findings about an image, as flags on its tile and as sentences beside it. */

import type { Tone } from "@/ui/Chip";
import type { FindingKind } from "../summary";
import type { Finding } from "./filters";

interface Words {
  /** On a tile. */
  flag: string;
  /** As a filter. */
  filter: string;
  sentence: string;
  tone: Tone;
  kind: FindingKind;
}

export const FINDING_WORDS: Record<Finding, Words> = {
  leaked: {
    flag: "leaked",
    filter: "Leaked",
    sentence: "The same file is in another split, so it cannot test what was learned.",
    tone: "bad",
    kind: "leaked",
  },
  suspect_label: {
    flag: "label?",
    filter: "Suspect label",
    sentence: "A model that was trained without this image gives it another label.",
    tone: "warn",
    kind: "suspect_labels",
  },
  near_leaked: {
    flag: "near copy",
    filter: "Near copy",
    sentence: "An image in another split looks nearly the same.",
    tone: "neutral",
    kind: "near_leaked",
  },
  duplicate: {
    flag: "duplicate",
    filter: "Duplicate",
    sentence: "The same file is in this split more than once.",
    tone: "neutral",
    kind: "duplicates",
  },
};
