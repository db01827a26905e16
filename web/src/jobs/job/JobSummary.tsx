import { Link } from "wouter";
import { Time } from "@/ui/Time";
import { DatasetName } from "../DatasetName";
import type { Job } from "../queries";
import { configOf, STRATEGY_NAMES } from "../words";

/** One line below the title: what is trained on what, and since when. */
export function JobSummary({ job }: { job: Job }) {
  const config = configOf(job);
  const isPretrained = config.weights !== "none";
  return (
    <>
      {config.architecture}
      {isPretrained && ` from ${config.weights === "imagenet" ? "ImageNet" : config.weights}`},{" "}
      {STRATEGY_NAMES[config.strategy].toLowerCase()}
      {config.trainable_from && ` from ${config.trainable_from}`} ·{" "}
      <DatasetName id={job.dataset_id} />
      {job.study_id && (
        <>
          {" "}
          ·{" "}
          <Link className="link" href={`/studies/${job.study_id}`}>
            {job.trial === null ? "study" : `configuration ${job.trial} of a study`}
          </Link>
        </>
      )}
      {job.model && (
        <>
          {" "}
          ·{" "}
          <Link className="link" href={`/models/${job.model.name}?version=${job.model.version}`}>
            {job.model.name}:{job.model.version}
          </Link>
        </>
      )}
      {" · "}
      {job.finished_at ? (
        <>
          ended <Time at={job.finished_at} />
        </>
      ) : job.started_at ? (
        <>
          started <Time at={job.started_at} />
        </>
      ) : (
        <>
          created <Time at={job.created_at} />
        </>
      )}
      {job.attempts > 1 && ` · started ${job.attempts} times`}
    </>
  );
}
