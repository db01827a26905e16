import { Check } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { useDenial } from "@/access/permissions";
import type { Schemas } from "@/api/client";
import { datasetPath, trainPath } from "@/datasets/links";
import { DropZone } from "@/datasets/uploads/DropZone";
import { toName } from "@/datasets/uploads/naming";
import type { Source } from "@/datasets/uploads/source";
import { startUpload, useUploads } from "@/datasets/uploads/store";
import { UploadList } from "@/datasets/uploads/UploadList";
import { plural } from "@/format";
import { LinkButton } from "@/ui/Button";
import { useNewestDataset } from "./queries";
import styles from "./Steps.module.css";

type State = "done" | "now" | "later";

/** The first three steps on a new service: drop images, train, try. */
export function Steps({ overview }: { overview: Schemas["Overview"] }) {
  const { datasets, jobs } = overview;
  const denied = useDenial("jobs:write");
  const hasData = datasets.ready + datasets.ingesting > 0;
  const dataset = useNewestDataset().data;
  const hasUploads = useUploads().length > 0;
  const isTraining = jobs.running + jobs.queued > 0;
  return (
    <ol className={styles.steps}>
      <Step number={1} title="Drop images" state={hasData ? "done" : "now"}>
        {hasData ? (
          <p>
            {plural(datasets.num_images, "image")} in {plural(datasets.total, "dataset")}.{" "}
            {dataset && (
              <Link className="link" href={datasetPath(dataset.id)}>
                See {dataset.name}
              </Link>
            )}
          </p>
        ) : (
          <p>
            A folder for each class, with some dozens of images in each. The upload starts at once.
          </p>
        )}
        <UploadList />
        {!hasData && !hasUploads && (
          <DropZone isLarge title="Drop a folder of images here" onSources={uploadAll}>
            For example <code>insects</code> with the folders <code>ants</code> and{" "}
            <code>bees</code> in it. A zip or tar is fine, too.
          </DropZone>
        )}
      </Step>
      <Step number={2} title="Train" state={hasData ? "now" : "later"}>
        <p>
          The service trains a network on them and tells how good it is on images it has not seen.
        </p>
        {isTraining ? (
          <LinkButton href="/jobs">Watch it</LinkButton>
        ) : (
          hasData &&
          dataset?.status === "ready" && (
            <LinkButton look="primary" href={trainPath(dataset.id)} denied={denied}>
              Train on {dataset.name}
            </LinkButton>
          )
        )}
      </Step>
      <Step number={3} title="Try" state="later">
        <p>
          Drop one of your own images, or hold a phone's camera at something, and see the answer.
        </p>
      </Step>
    </ol>
  );
}

/** Upload everything that was dropped, named after its folder or file. */
export function uploadAll(sources: readonly Source[]): void {
  for (const source of sources)
    startUpload(source, { name: toName(source.name), valFraction: null });
}

function Step({
  number,
  title,
  state,
  children,
}: {
  number: number;
  title: string;
  state: State;
  children: ReactNode;
}) {
  return (
    <li
      className={`${styles.step} ${styles[state]}`}
      aria-current={state === "now" ? "step" : undefined}
    >
      <span className={styles.number}>
        {state === "done" ? <Check role="img" aria-label="Done" /> : number}
      </span>
      <div className={styles.body}>
        <h2>{title}</h2>
        {children}
      </div>
    </li>
  );
}
