/** What a job with a time budget tried, as marks on a time axis. */

import type { Schemas } from "@/api/client";

/** The service always sends every field. */
export type Portfolio = Required<Schemas["Portfolio"]>;
type Proportion = Schemas["Proportion"];
type Trial = Schemas["FineTuningTrial"];

/** A bar from start to end, in seconds of the budget, at an accuracy with its interval. */
export interface Mark {
  label: string;
  kind: "candidate" | "trial" | "fine-tuning";
  start: number;
  end: number;
  /** Null while it runs. */
  actual: Proportion | null;
  /** When it was expected to end, and with which accuracy; null where nothing was expected. */
  expected: { end: number; value: number } | null;
  isChosen: boolean;
}

export interface Drawing {
  marks: Mark[];
  /** The end of the time axis, in seconds. */
  end: number;
  /** Where the seconds that are reserved for the evaluation begin; null before a measurement. */
  reservedFrom: number | null;
  /** The range of accuracies. */
  low: number;
  high: number;
}

const STEP = 0.05;
const FALLBACK_LOW = 0.5;

/** The marks of a portfolio, in the order of time. */
export function makeDrawing(portfolio: Portfolio): Drawing {
  const marks = [
    ...listCandidates(portfolio),
    ...listTrials(portfolio).map(markTrial),
    ...listFineTuning(portfolio),
  ];
  const values = marks.flatMap(({ actual, expected }) => [
    ...(actual ? [actual.low, actual.value] : []),
    ...(expected ? [expected.value] : []),
  ]);
  const lowest = values.length > 0 ? Math.min(...values) : FALLBACK_LOW;
  const end = Math.max(portfolio.time_budget_seconds, portfolio.used_seconds, ...marks.map(lastOf));
  return {
    marks,
    end,
    reservedFrom:
      portfolio.reserved_seconds === null
        ? null
        : Math.max(portfolio.time_budget_seconds - portfolio.reserved_seconds, 0),
    low: Math.max(Math.floor((lowest - STEP / 2) / STEP) * STEP, 0),
    high: 1,
  };
}

function lastOf({ end, expected }: Mark): number {
  return Math.max(end, expected?.end ?? 0);
}

function listCandidates(portfolio: Portfolio): Mark[] {
  return portfolio.candidates.flatMap((one) => {
    if (one.started_at_seconds === null || one.state === "skipped") return [];
    const start = one.started_at_seconds;
    const isExpected = one.expected_seconds !== null && one.expected_accuracy !== null;
    return [
      {
        label: one.architecture,
        kind: "candidate" as const,
        start,
        end: one.used_seconds === null ? portfolio.used_seconds : start + one.used_seconds,
        actual: one.accuracy,
        expected: isExpected
          ? { end: start + (one.expected_seconds ?? 0), value: one.expected_accuracy ?? 0 }
          : null,
        isChosen: one.architecture === portfolio.chosen,
      },
    ];
  });
}

/** The trials of fine-tuning in the order of time. */
export function listTrials({ trial, other_trials: others }: Portfolio): Trial[] {
  const trials = trial ? [trial, ...others] : others;
  return trials.toSorted((a, b) => a.started_at_seconds - b.started_at_seconds);
}

function markTrial(trial: Trial): Mark {
  const { accuracy, architecture, started_at_seconds: start } = trial;
  return {
    label: architecture ? `trial of ${architecture}` : "trial",
    kind: "trial",
    start,
    end: start + trial.used_seconds,
    actual: { value: accuracy, low: accuracy, high: accuracy },
    expected: null,
    isChosen: false,
  };
}

function listFineTuning({ fine_tuning: planned, used_seconds: used }: Portfolio): Mark[] {
  if (planned === null) return [];
  const start = planned.started_at_seconds;
  return [
    {
      label: "fine-tuning",
      kind: "fine-tuning",
      start,
      end: planned.used_seconds == null ? Math.max(used, start) : start + planned.used_seconds,
      actual: planned.accuracy ?? null,
      expected: planned.expected_accuracy
        ? { end: start + planned.expected_seconds, value: planned.expected_accuracy.value }
        : null,
      isChosen: true,
    },
  ];
}

/** Round numbers from 0 to an end, in at most `most` steps. */
export function ticksUpTo(end: number, most = 7): number[] {
  const steps = [5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];
  const step = steps.find((one) => end / one <= most) ?? 86_400;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step);
}

/** The accuracies to draw lines at, in even steps. */
export function accuracyTicks(low: number, high: number): number[] {
  const step = high - low > 0.5 ? 0.2 : high - low > 0.2 ? 0.1 : 0.05;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** A tick in its one unit: “30 s”, “1.5 min”, “1 h”. */
export function tickLabel(seconds: number): string {
  if (seconds === 0) return "0";
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds % 30 === 0 && seconds > 30) return `${seconds / 60} min`;
  return `${seconds} s`;
}
