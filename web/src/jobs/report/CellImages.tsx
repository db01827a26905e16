import { X } from "lucide-react";
import { asServiceError } from "@/api/problem";
import { plural } from "@/format";
import { Button } from "@/ui/Button";
import { Callout, Card } from "@/ui/Card";
import { Skeleton } from "@/ui/States";
import type { Job, Report } from "../queries";
import styles from "./CellImages.module.css";
import type { Cell } from "./confusion";
import { figuresOf, type Split } from "./figures";
import { PredictionGrid } from "./PredictionGrid";
import { usePredictions } from "./queries";

/** The images of one cell of the confusion matrix. */
export function CellImages({
  job,
  report,
  split,
  cell,
  onClose,
}: {
  job: Job;
  report: Report;
  split: Split;
  cell: Cell;
  onClose: () => void;
}) {
  const query = usePredictions(job, { split, label: cell.label, predicted: cell.predicted });
  const row = report.class_names.indexOf(cell.label);
  const column = report.class_names.indexOf(cell.predicted);
  const total = figuresOf(report, split).confusion_matrix[row]?.[column] ?? 0;
  const images = query.data?.pages.flatMap((page) => page.data) ?? [];
  const title =
    cell.label === cell.predicted
      ? `${cell.label}, recognised`
      : `${cell.label}, predicted as ${cell.predicted}`;
  return (
    <Card
      title={title}
      aside={
        <>
          {plural(total, "image")}
          <Button
            look="quiet"
            icon={<X aria-hidden />}
            aria-label="Close the cell"
            onClick={onClose}
          />
        </>
      }
    >
      <div className={styles.content}>
        {query.isError ? (
          <WithoutPredictions
            job={job}
            report={report}
            split={split}
            cell={cell}
            error={query.error}
          />
        ) : !query.data ? (
          <Skeleton lines={4} label="Loading the images" />
        ) : images.length === 0 ? (
          <p className="muted">No image is in this cell.</p>
        ) : (
          <PredictionGrid job={job} images={images} />
        )}
        {query.hasNextPage && (
          <Button isBusy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            Show more
          </Button>
        )}
      </div>
    </Card>
  );
}

/** The surest mistakes of a cell, where a job has no predictions of single images. */
function WithoutPredictions({
  job,
  report,
  split,
  cell,
  error,
}: {
  job: Job;
  report: Report;
  split: Split;
  cell: Cell;
  error: unknown;
}) {
  const known = split === "val" ? report.mistakes : [];
  const mistakes = known.filter(
    ({ label, predicted }) => label === cell.label && predicted === cell.predicted,
  );
  return (
    <>
      <Callout title="Not all images are known.">
        {asServiceError(error).message}
        {mistakes.length > 0 && " Shown are those among the report's surest mistakes."}
      </Callout>
      {mistakes.length > 0 && <PredictionGrid job={job} images={mistakes} />}
    </>
  );
}
