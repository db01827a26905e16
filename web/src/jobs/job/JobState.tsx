import { Link } from "wouter";
import { Callout, Card } from "@/ui/Card";
import { Progress } from "@/ui/Progress";
import { describeProgress, doneShare, timeLeft } from "../progress";
import { type Job, useDataset } from "../queries";
import styles from "./JobState.module.css";

/** What an unfinished job is doing, or why it has failed. */
export function JobState({ job }: { job: Job }) {
  if (job.status === "failed") return <Failed job={job} />;
  if (job.status === "cancelled") {
    return (
      <Callout title="This job was cancelled.">
        No model was registered. “Resume” goes on after its last finished epoch.
      </Callout>
    );
  }
  if (job.is_terminal) return null;
  const { what, detail } = describeProgress(job);
  return (
    <Card>
      <div className={styles.progress}>
        <div className={styles.line}>
          <strong>{job.status === "cancelling" ? "Cancelling" : what}</strong>
          <span className={styles.detail}>
            {job.status === "queued" ? <Waiting id={job.dataset_id} /> : detail}
          </span>
          <span className={styles.left}>{timeLeft(job)}</span>
        </div>
        <Progress
          value={job.status === "queued" ? 0 : doneShare(job)}
          label="Progress of the job"
        />
      </div>
    </Card>
  );
}

function Waiting({ id }: { id: string }) {
  const { data } = useDataset(id);
  if (data?.status === "ingesting") return "It starts once its dataset is ready.";
  return "It starts once a worker is free.";
}

const WHAT_TO_DO: Record<string, string> = {
  DIVERGED: "Clone it with a smaller learning rate, or with a limit for the norm of the gradient.",
  GPU_OUT_OF_MEMORY: "Clone it with a smaller batch or input size.",
  DATASET_INVALID: "Upload a corrected dataset and train on that.",
  TOO_FEW_IMAGES: "Add images to the smallest classes and upload them as a new dataset.",
  STORAGE_FULL: "Free disk space, then resume the job.",
  WEIGHTS_UNAVAILABLE: "Put the weights into the service's folder of weights, then resume the job.",
  DEVICE_UNAVAILABLE: "Make the device available to the worker, then resume the job.",
};

function Failed({ job }: { job: Job }) {
  const advice =
    WHAT_TO_DO[job.error?.code ?? ""] ?? "“Resume” goes on after its last finished epoch.";
  return (
    <Callout tone="bad" title="This job has failed.">
      {job.error?.message}
      <div className={styles.advice}>
        {advice}{" "}
        <Link className="link" href={`/jobs/new?clone=${job.id}`}>
          Clone and change
        </Link>
        {job.error && <code className={styles.code}>{job.error.code}</code>}
      </div>
    </Callout>
  );
}
