import { expect, test } from "vitest";
import { accuracyTicks, makeDrawing, type Portfolio, tickLabel, ticksUpTo } from "./portfolio";

const candidate: Portfolio["candidates"][number] = {
  architecture: "squeezenet1_0",
  state: "tried",
  reason: "It was the first.",
  imagenet_accuracy: 0.58,
  expected_accuracy: null,
  expected_seconds: 6,
  started_at_seconds: 1,
  used_seconds: 7,
  accuracy: { value: 0.9, low: 0.84, high: 0.95 },
  l2_strength: 0.1,
};

const portfolio: Portfolio = {
  job_id: "job_1",
  time_budget_seconds: 60,
  used_seconds: 20,
  reserved_seconds: 5,
  candidates: [candidate],
  num_without_weights: 0,
  chosen: "squeezenet1_0",
  learning_curve: [],
  trial: null,
  other_trials: [],
  fine_tuning: null,
  expected_accuracy: null,
  stop_reason: null,
  explanation: "",
};

test("a candidate is a bar at its accuracy, without what nobody expected", () => {
  const { marks, end, reservedFrom, low, high } = makeDrawing(portfolio);
  expect(marks).toEqual([
    {
      label: "squeezenet1_0",
      kind: "candidate",
      start: 1,
      end: 8,
      actual: candidate.accuracy,
      expected: null,
      isChosen: true,
    },
  ]);
  expect([end, reservedFrom, high]).toEqual([60, 55, 1]);
  expect(low).toBeCloseTo(0.8);
});

test("a running candidate lasts until now, and a skipped one is not drawn", () => {
  const running = {
    ...candidate,
    architecture: "resnet18",
    state: "running" as const,
    started_at_seconds: 8,
    used_seconds: null,
    accuracy: null,
    expected_accuracy: 0.7,
  };
  const skipped = { ...running, architecture: "vgg11_bn", state: "skipped" as const };
  const { marks, low } = makeDrawing({ ...portfolio, candidates: [candidate, running, skipped] });
  expect(marks.map(({ label, start, end }) => [label, start, end])).toEqual([
    ["squeezenet1_0", 1, 8],
    ["resnet18", 8, 20],
  ]);
  expect(marks[1]?.expected).toEqual({ end: 14, value: 0.7 });
  expect(marks[1]?.isChosen).toBe(false);
  expect(low).toBeCloseTo(0.65);
});

test("fine-tuning follows, and may end after the budget", () => {
  const planned = {
    epochs: 3,
    expected_seconds: 30,
    expected_accuracy: { value: 0.92, low: 0.85, high: 0.97 },
    started_at_seconds: 20,
    used_seconds: 45,
    best_epoch: 3,
    accuracy: { value: 0.95, low: 0.9, high: 0.98 },
  };
  const { marks, end } = makeDrawing({ ...portfolio, fine_tuning: planned });
  expect(marks[1]).toMatchObject({ kind: "fine-tuning", start: 20, end: 65 });
  expect(marks[1]?.expected).toEqual({ end: 50, value: 0.92 });
  expect(end).toBe(65);
});

test("trials are bars in the order of time", () => {
  const trial = {
    architecture: "resnet18",
    epochs: 12,
    num_train_images: 96,
    num_held_out_images: 24,
    head_accuracy: 0.75,
    accuracy: 0.875,
    gain: { value: 0.125, low: 0.0, high: 0.25 },
    started_at_seconds: 14,
    used_seconds: 6,
  };
  const first = { ...trial, architecture: "squeezenet1_0", accuracy: 0.8, started_at_seconds: 8 };
  const { marks } = makeDrawing({ ...portfolio, trial, other_trials: [first] });
  expect(marks.map(({ label, start, end }) => [label, start, end])).toEqual([
    ["squeezenet1_0", 1, 8],
    ["trial of squeezenet1_0", 8, 14],
    ["trial of resnet18", 14, 20],
  ]);
  expect(marks[2]).toMatchObject({ kind: "trial", actual: { value: 0.875 }, isChosen: false });
});

test("before its start a portfolio is an empty axis", () => {
  const empty = { ...portfolio, candidates: [], used_seconds: 0, reserved_seconds: null };
  const { marks, end, reservedFrom, low } = makeDrawing(empty);
  expect([marks, end, reservedFrom]).toEqual([[], 60, null]);
  expect(low).toBeLessThan(0.5);
});

test("ticks are round", () => {
  expect(ticksUpTo(60)).toEqual([0, 10, 20, 30, 40, 50, 60]);
  expect(ticksUpTo(1200)).toEqual([0, 300, 600, 900, 1200]);
  expect(accuracyTicks(0.8, 1).map((one) => one.toFixed(2))).toEqual([
    "0.80",
    "0.85",
    "0.90",
    "0.95",
    "1.00",
  ]);
  expect(accuracyTicks(0.45, 1)[0]).toBeCloseTo(0.6);
  const labels = [0, 30, 60, 90, 1200, 7200].map(tickLabel);
  expect(labels).toEqual(["0", "30 s", "1 min", "1.5 min", "20 min", "2 h"]);
});
