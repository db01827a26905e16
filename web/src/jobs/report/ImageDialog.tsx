import { ChevronLeft, ChevronRight } from "lucide-react";
import { useEffect } from "react";
import { Link } from "wouter";
import { percent } from "@/format";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { thumbnailUrl } from "@/ui/Tile";
import type { Job } from "../queries";
import { HeatMapView } from "./HeatMapView";
import styles from "./ImageDialog.module.css";
import type { ShownImage } from "./PredictionGrid";

/** An image in full, with what the model says of it and the heat map of a class. */
export function ImageDialog({
  job,
  image,
  onPrevious,
  onNext,
  onClose,
}: {
  job: Job;
  image: ShownImage;
  onPrevious: (() => void) | undefined;
  onNext: (() => void) | undefined;
  onClose: () => void;
}) {
  const isMistake = image.label !== image.predicted;
  useArrowKeys(onPrevious, onNext);
  return (
    <Dialog
      title={image.path}
      wide
      onClose={onClose}
      actions={
        <>
          <Button icon={<ChevronLeft aria-hidden />} disabled={!onPrevious} onClick={onPrevious}>
            Previous
          </Button>
          <Button disabled={!onNext} onClick={onNext}>
            Next
            <ChevronRight aria-hidden />
          </Button>
          <Button look="primary" onClick={onClose}>
            Close
          </Button>
        </>
      }
    >
      <div className={styles.content}>
        <HeatMapView
          key={image.image_id}
          src={thumbnailUrl(job.dataset_id, image.image_id, 1024)}
          alt={`${image.path}, labelled ${image.label}`}
          classes={isMistake ? [image.predicted, image.label] : [image.predicted]}
          mapUrl={
            job.model
              ? (label) => heatMapUrl(job.dataset_id, image.image_id, modelReference(job), label)
              : null
          }
        />
        <dl className={styles.facts}>
          <dt>Label</dt>
          <dd>{image.label}</dd>
          <dt>{isMistake ? "Prediction" : "Predicted rightly"}</dt>
          <dd>{image.predicted}</dd>
          <dt>Probability</dt>
          <dd>{percent(image.probability)}</dd>
          <dt>Image</dt>
          <dd>
            <Link className="link" href={`/datasets/${job.dataset_id}?image=${image.image_id}`}>
              In the dataset
            </Link>
          </dd>
        </dl>
      </div>
    </Dialog>
  );
}

/** The arrow keys go to the neighbours, except while they move a slider or a choice. */
function useArrowKeys(onLeft: (() => void) | undefined, onRight: (() => void) | undefined): void {
  useEffect(() => {
    function onKey({ key, target }: KeyboardEvent): void {
      if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
      if (key === "ArrowLeft") onLeft?.();
      if (key === "ArrowRight") onRight?.();
    }
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [onLeft, onRight]);
}

function modelReference({ model }: Job): string {
  return `${model?.name}:${model?.version}`;
}

/** The address of the heat map of an image for a class. */
export function heatMapUrl(
  datasetId: string,
  imageId: number,
  model: string,
  label: string,
): string {
  const query = new URLSearchParams({ model, label });
  return `/datasets/${datasetId}/images/${imageId}/heatmap.png?${query}`;
}
