/** What each kind of finding means and what to do about it. */

import type { FindingKind } from "../summary";

interface Words {
  tab: string;
  /** What it is and why it matters. */
  meaning: string;
  /** What to do about it. */
  remedy: string;
  none: string;
}

export const FINDING_TEXTS: Record<FindingKind, Words> = {
  leaked: {
    tab: "Leaked",
    meaning:
      "The same file is in two splits. A model has seen these images in training, so they make its accuracy look better than it is.",
    remedy: "Remove one file of each pair from your folder and upload it again.",
    none: "No image is in two splits.",
  },
  suspect_labels: {
    tab: "Suspect labels",
    meaning:
      "A model that was trained without these images gives them another label. Some are mistakes of the model, many are mistakes in the data.",
    remedy:
      "Look at each; move the wrong ones to the folder of their class and upload the folder again.",
    none: "No label looks wrong so far. Labels are checked when a job on this dataset finishes.",
  },
  near_leaked: {
    tab: "Near copies",
    meaning:
      "These images look nearly the same as one in another split: scaled, compressed or with other brightness. They can make an accuracy look better than it is.",
    remedy: "Look at each pair; the comparison ignores colour, so some pairs are different things.",
    none: "No image looks nearly the same as one in another split.",
  },
  duplicates: {
    tab: "Duplicates",
    meaning: "The same file is in one split more than once. It counts twice in training.",
    remedy: "Harmless in small numbers. Where the two have different labels, one of them is wrong.",
    none: "No file is in a split twice.",
  },
  rejected: {
    tab: "Rejected",
    meaning: "These images could not be read, so they are not part of the dataset.",
    remedy: "Replace or remove them, and upload the folder again.",
    none: "Every image could be read.",
  },
  ignored: {
    tab: "Ignored",
    meaning: "These files are not images, so they are not part of the dataset.",
    remedy: "Nothing needs to be done.",
    none: "The upload has only images.",
  },
};
