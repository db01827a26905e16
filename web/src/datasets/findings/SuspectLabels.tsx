import { useState } from "react";
import { Link } from "wouter";
import { count, percent } from "@/format";
import { Button } from "@/ui/Button";
import { Tile, thumbnailUrl } from "@/ui/Tile";
import type { Dataset } from "../queries";
import styles from "./SuspectLabels.module.css";

const STEP = 60;

/** Training images whose label is probably wrong, the most suspicious first. */
export function SuspectLabels({
  dataset,
  onOpen,
}: {
  dataset: Dataset;
  onOpen: (imageId: number) => void;
}) {
  const [shown, setShown] = useState(STEP);
  const { suspect_labels, suspect_labels_job_id, counts } = dataset.report;
  return (
    <>
      {suspect_labels_job_id && (
        <p className="small muted">
          Found by{" "}
          <Link className="link" href={`/jobs/${suspect_labels_job_id}`}>
            the newest job that checked labels
          </Link>
          .
          {counts.suspect_labels > suspect_labels.length &&
            ` The first ${count(suspect_labels.length)} of ${count(counts.suspect_labels)} are listed.`}
        </p>
      )}
      <ul className={styles.list}>
        {suspect_labels.slice(0, shown).map((one) => (
          <li key={one.image_id} className={styles.item}>
            <Tile
              src={thumbnailUrl(dataset.id, one.image_id, 512)}
              alt={`Labelled ${one.label}, ${one.path}`}
              onOpen={() => onOpen(one.image_id)}
            />
            <dl className={styles.labels}>
              <dt>Label</dt>
              <dd title={one.label}>{one.label}</dd>
              <dt>Suggested</dt>
              <dd title={one.suggested_label}>
                <strong>{one.suggested_label}</strong> {percent(one.probability, 0)}
              </dd>
              {one.error_probability != null && (
                <>
                  <dt>Label wrong</dt>
                  <dd>{percent(one.error_probability, 0)}</dd>
                </>
              )}
            </dl>
          </li>
        ))}
      </ul>
      {shown < suspect_labels.length && (
        <div>
          <Button onClick={() => setShown(shown + STEP)}>Show more</Button>
        </div>
      )}
    </>
  );
}
