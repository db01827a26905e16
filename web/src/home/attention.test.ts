// @vitest-environment node
import { expect, it } from "vitest";
import { attentionPath } from "./attention";

it.each([
  ["job_failed", "job_1", "/jobs/job_1"],
  ["dataset_invalid", "ds_1", "/datasets/ds_1"],
  ["leaked", "ds_1", "/datasets/ds_1?tab=findings&kind=leaked"],
  ["suspect_labels", "ds_1", "/datasets/ds_1?tab=findings&kind=suspect_labels"],
  ["gate_failed", "ants", "/models/ants"],
] as const)("leads from %s to its page", (kind, subject, path) => {
  expect(attentionPath({ kind, subject })).toBe(path);
});
