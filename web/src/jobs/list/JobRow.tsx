import { Link } from "wouter";
import { percent } from "@/format";
import { StatusChip } from "@/ui/Chip";
import { Progress } from "@/ui/Progress";
import { Time } from "@/ui/Time";
import { DatasetName } from "../DatasetName";
import { describeProgress, doneShare, timeLeft } from "../progress";
import { type Job, useJob } from "../queries";
import { describeRecipe } from "../words";
import styles from "./JobRow.module.css";

/** A job in the list; an unfinished one keeps itself up to date. */
export function JobRow({
  job: listed,
  isChosen,
  onChoose,
}: {
  job: Job;
  isChosen: boolean;
  onChoose: (isChosen: boolean) => void;
}) {
  const { data: job = listed } = useJob(listed.id, listed);
  const { model_name: name } = job.config;
  return (
    <div className={styles.row}>
      <input
        type="checkbox"
        className={styles.check}
        checked={isChosen}
        aria-label={`Choose ${name}, ${job.id}`}
        onChange={(event) => onChoose(event.target.checked)}
      />
      <div className={styles.main}>
        <Link href={`/jobs/${job.id}`} className={styles.name} title={`${name}, ${job.id}`}>
          {name}
          {job.model && <span className={styles.version}>:{job.model.version}</span>}
        </Link>
        <span className={styles.recipe}>
          {describeRecipe(job)}
          <span className={styles.phone}>
            {" · "}
            <DatasetName id={job.dataset_id} isLink={false} />
          </span>
          {job.study_id && " · run of a study"}
        </span>
      </div>
      <span className={styles.dataset}>
        <DatasetName id={job.dataset_id} isLink={false} />
      </span>
      <span className={styles.status}>
        <StatusChip status={job.status} />
      </span>
      <div className={styles.result}>
        <Result job={job} />
      </div>
      <span className={styles.time}>
        <Time at={job.finished_at ?? job.started_at ?? job.created_at} />
      </span>
    </div>
  );
}

function Result({ job }: { job: Job }) {
  if (job.status === "running" || job.status === "cancelling") {
    const { what } = describeProgress(job);
    return (
      <>
        <Progress value={doneShare(job)} label={`Progress of ${job.config.model_name}`} />
        <span className={styles.note}>
          {[what, timeLeft(job).replace("about ", "")].filter(Boolean).join(" · ")}
        </span>
      </>
    );
  }
  if (job.status === "queued") return <span className={styles.note}>waiting for a worker</span>;
  if (job.error) {
    return (
      <span className={styles.error} title={job.error.message}>
        {job.error.message}
      </span>
    );
  }
  if (!job.best) return <span className={styles.note}>no epoch finished</span>;
  return (
    <>
      <strong>{percent(job.best.val_accuracy)}</strong>
      <span className={styles.note}>validation accuracy</span>
    </>
  );
}
