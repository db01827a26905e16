/** The architecture that advice is for if the URL names none. */

import type { Schemas } from "@/api/client";

type Architecture = Pick<Schemas["Architecture"], "name" | "num_parameters"> & {
  weights: readonly Pick<Schemas["PretrainedWeights"], "availability">[];
};

const PREFERRED = "resnet18";

/** Whether a job may use pretrained weights of an architecture. */
export function hasWeights({ weights }: Architecture): boolean {
  return weights.some(({ availability }) => availability !== "unavailable");
}

/** The service's default if its weights are there, else the smallest architecture with weights. */
export function chooseArchitecture(architectures: readonly Architecture[]): string {
  const usable = architectures.filter(hasWeights);
  if (usable.length === 0 || usable.some(({ name }) => name === PREFERRED)) return PREFERRED;
  return usable.reduce((best, one) => (one.num_parameters < best.num_parameters ? one : best)).name;
}
