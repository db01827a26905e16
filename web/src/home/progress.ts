/** How far a job is. */

import type { Schemas } from "@/api/client";
import { count, duration } from "@/format";

type Progress = Schemas["Progress"];

/** The share of all epochs that is done; null while it is not known. */
export function jobShare({ epoch, epochs, step, steps }: Progress): number | null {
  if (epochs === null || epochs === 0) return null;
  if (epoch === 0) return 0;
  const started = epoch - 1 + (steps > 0 ? Math.min(1, step / steps) : 0);
  return Math.min(1, started / epochs);
}

/** The stage, epoch and time left of a running job. */
export function progressText({ stage, epoch, epochs, eta_seconds: left }: Progress): string {
  const parts = [stage];
  if (epoch > 0)
    parts.push(`epoch ${count(epoch)}${epochs === null ? "" : ` of ${count(epochs)}`}`);
  if (left != null) parts.push(`${duration(left)} left`);
  return parts.join(" · ");
}
