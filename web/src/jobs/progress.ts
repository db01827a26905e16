import type { Schemas } from "@/api/client";
import { count, duration } from "@/format";

type Job = Pick<Schemas["JobView"], "status" | "progress">;

/** The share of the epochs, or of the present stage before and after them, from 0 to 1; null while it is not known. */
export function doneShare({ status, progress }: Job): number | null {
  if (status === "succeeded") return 1;
  const { epoch, epochs, step, steps, stage } = progress;
  if (status === "queued") return null;
  const within = steps > 0 ? step / steps : null;
  if (stage !== "training") return within;
  if (!epochs || within === null) return null;
  return Math.min(1, (epoch - 1 + within) / epochs);
}

/** Epochs whose metrics have been recorded. */
export function finishedEpochs({ epoch, step, steps }: Schemas["Progress"]): number {
  return steps > 0 && step >= steps ? epoch : Math.max(0, epoch - 1);
}

/** What a job is doing, in two parts: “Epoch 3 of 12” and “step 38 of 53 · 261 images/s”. */
export function describeProgress({ status, progress }: Job): { what: string; detail: string } {
  const { epoch, epochs, step, steps, stage, images_per_second: rate } = progress;
  if (status === "queued") return { what: "Waiting for a worker", detail: "" };
  const speed = rate ? `${count(Math.round(rate))} images/s` : "";
  if (stage !== "training") {
    const what = stage.charAt(0).toUpperCase() + stage.slice(1);
    const unit = stage.startsWith("solving") ? "L2 strengths" : "images";
    const counted = steps > 0 ? `${count(step)} of ${count(steps)} ${unit}` : "";
    return { what, detail: [counted, speed].filter(Boolean).join(" · ") };
  }
  const what = `Epoch ${count(epoch)}${epochs ? ` of ${count(epochs)}` : ""}`;
  const counted = steps > 0 ? `step ${count(step)} of ${count(steps)}` : "";
  return { what, detail: [counted, speed].filter(Boolean).join(" · ") };
}

/** “about 17 s left”; empty while it is not known. */
export function timeLeft({ status, progress }: Job): string {
  const { eta_seconds: seconds, budget_used_seconds: used, stage } = progress;
  // A stage of a search tells nothing about the end of the job.
  if (used != null && stage !== "training") return "";
  if (seconds == null || (status !== "running" && status !== "cancelling")) return "";
  return `about ${seconds < 10 ? `${Math.max(1, Math.ceil(seconds))} s` : duration(seconds)} left`;
}
