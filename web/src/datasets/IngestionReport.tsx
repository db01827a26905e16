import { Link } from "wouter";
import { count, plural } from "@/format";
import { LinkButton } from "@/ui/Button";
import { Callout } from "@/ui/Card";
import { Message } from "@/ui/Message";
import { Progress } from "@/ui/Progress";
import { Loaded } from "@/ui/States";
import styles from "./IngestionReport.module.css";
import { stageShare, stageText } from "./ingestion";
import { datasetPath, findingsPath, trainPath } from "./links";
import { type Dataset, useDataset } from "./queries";
import { countFindings, FINDING_KINDS, findingText, numImages } from "./summary";

/** How far the ingestion of an upload is, then what was found in it. */
export function IngestionReport({ id }: { id: string }) {
  return <Loaded query={useDataset(id)}>{(dataset) => <Body dataset={dataset} />}</Loaded>;
}

function Body({ dataset }: { dataset: Dataset }) {
  if (dataset.status === "ingesting") return <IngestionProgress dataset={dataset} />;
  if (dataset.error) return <InvalidCallout dataset={dataset} />;
  const counts = countFindings(dataset);
  const found = FINDING_KINDS.filter((kind) => counts[kind] > 0);
  return (
    <div className={styles.report}>
      {dataset.report.warnings.map((warning) => (
        <Callout key={warning} tone="warn">
          {warning}
        </Callout>
      ))}
      <p className={styles.sentence}>
        Ready: {plural(numImages(dataset), "image")} in{" "}
        {plural(dataset.class_names.length, "class", "classes")}.
        {found.map((kind) => (
          <span key={kind}>
            {" "}
            <Link className="link" href={findingsPath(dataset.id, kind)}>
              {findingText(kind, counts[kind])}
            </Link>
            .
          </span>
        ))}
      </p>
      <LinkButton href={datasetPath(dataset.id)}>See its images</LinkButton>
      <LinkButton look="primary" href={trainPath(dataset.id)}>
        Train on it
      </LinkButton>
    </div>
  );
}

/** The stage of an ingestion with its progress. */
export function IngestionProgress({ dataset }: { dataset: Dataset }) {
  const { progress } = dataset;
  const share = stageShare(progress);
  return (
    <div className={styles.progress}>
      <p className="small muted" role="status">
        {stageText(progress.stage)}
        {share !== null && ` · ${count(Math.floor(share * 100))} %`}
      </p>
      <Progress value={share} label={`Ingestion of ${dataset.name}`} />
    </div>
  );
}

/** Why the service did not accept an upload. */
export function InvalidCallout({ dataset }: { dataset: Dataset }) {
  return (
    <Callout tone="bad" title="The service did not accept this upload.">
      <Message text={dataset.error?.message ?? ""} /> <code>{dataset.error?.code}</code>
    </Callout>
  );
}
