import { expect, test } from "vitest";
import { describeProgress, doneShare, finishedEpochs, timeLeft } from "./progress";

const training = {
  epoch: 3,
  epochs: 4,
  step: 5,
  steps: 10,
  stage: "training",
  images_per_second: 260.6,
  eta_seconds: 17.2,
};

test("the bar of a stage without epochs counts its images", () => {
  const decoding = { ...training, epoch: 0, stage: "decoding images" };
  expect(doneShare({ status: "running", progress: decoding })).toBe(0.5);
  expect(doneShare({ status: "running", progress: { ...decoding, steps: 0 } })).toBeNull();
});

test("the bar counts finished epochs and the steps of the present one", () => {
  expect(doneShare({ status: "running", progress: training })).toBeCloseTo(2.5 / 4);
  expect(doneShare({ status: "succeeded", progress: training })).toBe(1);
  expect(doneShare({ status: "queued", progress: { ...training, epoch: 0, step: 0 } })).toBeNull();
  expect(doneShare({ status: "running", progress: { ...training, epochs: null } })).toBeNull();
});

test("an epoch counts as finished with its last step", () => {
  expect(finishedEpochs(training)).toBe(2);
  expect(finishedEpochs({ ...training, step: 10 })).toBe(3);
  expect(finishedEpochs({ ...training, epoch: 0, step: 3 })).toBe(0);
});

test("progress reads as a sentence", () => {
  expect(describeProgress({ status: "running", progress: training })).toEqual({
    what: "Epoch 3 of 4",
    detail: "step 5 of 10 · 261 images/s",
  });
  const decoding = { ...training, epoch: 0, stage: "decoding images", images_per_second: null };
  expect(describeProgress({ status: "running", progress: decoding })).toEqual({
    what: "Decoding images",
    detail: "5 of 10 images",
  });
  expect(timeLeft({ status: "running", progress: training })).toBe("about 17 s left");
  const last = { ...training, eta_seconds: 0.4 };
  expect(timeLeft({ status: "running", progress: last })).toBe("about 1 s left");
  expect(timeLeft({ status: "failed", progress: training })).toBe("");
  const searching = { ...decoding, stage: "solving for heads on resnet18", budget_used_seconds: 9 };
  expect(describeProgress({ status: "running", progress: searching }).detail).toBe(
    "5 of 10 L2 strengths",
  );
  expect(timeLeft({ status: "running", progress: searching })).toBe("");
});
