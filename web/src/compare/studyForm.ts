/** The form of a new study with a search, and its request. */

import type { Schemas } from "@/api/client";

type Search = NonNullable<StudyRequest["search"]>;
export type StudyRequest = Schemas["StudyRequest"];
export type Method = Search["method"];

export interface StudyForm {
  datasetId: string;
  architecture: string;
  strategy: "fine_tune" | "scratch";
  name: string;
  method: Method;
  /** The texts of the number fields. */
  epochs: string;
  lowestRate: string;
  highestRate: string;
  batchSizes: string;
  numTrials: string;
  numParallel: string;
  numSeeds: string;
}

export const EMPTY_FORM: StudyForm = {
  datasetId: "",
  architecture: "resnet18",
  strategy: "fine_tune",
  name: "",
  method: "tpe",
  epochs: "9",
  lowestRate: "0.00001",
  highestRate: "0.01",
  batchSizes: "8, 16, 32",
  numTrials: "12",
  numParallel: "2",
  numSeeds: "1",
};

const DEFAULTS = { min_epochs: 1, reduction_factor: 3, seed: 0 };

/** The methods with what each is for. */
export const METHODS: readonly { value: Method; title: string; sentence: string }[] = [
  {
    value: "tpe",
    title: "TPE",
    sentence: "Chooses each configuration by the results so far. For ten or more runs.",
  },
  {
    value: "hyperband",
    title: "Hyperband",
    sentence: "TPE that also stops bad runs early. For twenty or more runs of many epochs.",
  },
  {
    value: "successive_halving",
    title: "Successive halving",
    sentence: "Draws at random, and stops runs that are worse than others at the same epoch.",
  },
  {
    value: "random",
    title: "Random",
    sentence: "Draws at random. All runs can start at once, if there are workers for them.",
  },
  {
    value: "grid",
    title: "Grid",
    sentence: "Tries every combination of a few values, to have all of them in the table.",
  },
];

/** Whether a method chooses one configuration after the other. */
export function isAdaptive(method: Method): boolean {
  return method === "tpe" || method === "hyperband";
}

/** The request of a form; null without a dataset. What is no number is left to the service. */
export function requestOf(form: StudyForm): StudyRequest | null {
  if (!form.datasetId) return null;
  const low = numberOf(form.lowestRate);
  const high = numberOf(form.highestRate);
  const isGrid = form.method === "grid";
  const sizes = form.batchSizes.split(/[\s,;]+/).filter(Boolean);
  return {
    dataset_id: form.datasetId,
    ...(form.name ? { name: form.name } : {}),
    base: {
      architecture: form.architecture,
      strategy: form.strategy,
      epochs: numberOf(form.epochs),
    },
    search: {
      method: form.method,
      space: {
        "optimizer.learning_rate": isGrid
          ? listRates(low, high)
          : { low, high, log: true, integer: false },
        ...(sizes.length > 0 ? { batch_size: sizes.map(numberOf) } : {}),
      },
      ...(isGrid ? {} : { num_trials: numberOf(form.numTrials) }),
      ...(isAdaptive(form.method) ? { num_parallel: numberOf(form.numParallel) } : {}),
      ...DEFAULTS,
    },
    seeds: numberOf(form.numSeeds),
  };
}

/** The rates of a grid: both ends, and the powers of ten between them. */
export function listRates(low: number, high: number): number[] {
  const rates = [low];
  for (let power = Math.ceil(Math.log10(low) + 1e-9); 10 ** power < high * 0.999; power += 1) {
    rates.push(Number((10 ** power).toPrecision(6)));
  }
  return high > low ? [...rates, high] : rates;
}

function numberOf(text: string): number {
  return Number(text.trim() || Number.NaN);
}
