// @vitest-environment node
import { expect, it } from "vitest";
import { jobShare, progressText } from "./progress";

it("counts whole epochs and the batches of the current one", () => {
  expect(jobShare({ stage: "training", epoch: 3, epochs: 10, step: 5, steps: 10 })).toBeCloseTo(
    0.25,
  );
  expect(jobShare({ stage: "training", epoch: 10, epochs: 10, step: 10, steps: 10 })).toBe(1);
});

it("does not know the share while the number of epochs is open", () => {
  expect(jobShare({ stage: "training", epoch: 3, epochs: null, step: 5, steps: 10 })).toBeNull();
  expect(jobShare({ stage: "decoding images", epoch: 0, epochs: 5, step: 5, steps: 10 })).toBe(0);
});

it("says the stage, the epoch and the time left", () => {
  const progress = { stage: "training", epoch: 3, epochs: 10, step: 0, steps: 10 };
  expect(progressText({ ...progress, eta_seconds: 73 })).toBe(
    "training · epoch 3 of 10 · 1 min 13 s left",
  );
  expect(progressText({ ...progress, epochs: null, epoch: 0 })).toBe("training");
});
