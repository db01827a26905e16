import { useState } from "react";
import { useLocation } from "wouter";
import { asServiceError } from "@/api/problem";
import { showToast } from "@/ui/toasts";
import { type Job, type JobAction, useJobAction } from "../queries";

const DONE: Record<JobAction, string> = {
  stop: "The job stops after this epoch.",
  cancel: "The job is being cancelled.",
  resume: "The job is queued again.",
  delete: "The job is deleted.",
};

/** The actions of a job that its status allows. */
export function useActions(job: Job) {
  const [, navigate] = useLocation();
  const action = useJobAction(job.id);
  const [confirming, setConfirming] = useState<"cancel" | "delete" | null>(null);

  async function perform(name: JobAction): Promise<void> {
    await action.mutateAsync(name);
    showToast(DONE[name]);
    if (name === "delete") navigate("/jobs", { replace: true });
  }

  function run(name: JobAction): void {
    perform(name).catch((error: unknown) =>
      showToast(asServiceError(error).message, { tone: "bad" }),
    );
  }

  return {
    run,
    perform,
    busy: action.isPending ? action.variables : null,
    confirming,
    confirm: setConfirming,
    canStop: job.status === "running",
    canCancel: job.status === "running" || job.status === "queued",
    canResume: job.status === "failed" || job.status === "cancelled",
    clone: () => navigate(`/jobs/new?clone=${job.id}`),
  };
}
