import { ChevronLeft, ChevronRight, ExternalLink } from "lucide-react";
import { useEffect } from "react";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Failure, Skeleton } from "@/ui/States";
import { thumbnailUrl } from "@/ui/Tile";
import { type Dataset, type Image, useImage } from "../queries";
import { ImageFacts } from "./ImageFacts";
import styles from "./ImageViewer.module.css";

/** An image in full with its facts; the arrow keys move to the ones beside it. */
export default function ImageViewer({
  dataset,
  imageId,
  known,
  neighbours,
  onShow,
}: {
  dataset: Dataset;
  imageId: number;
  known: Image | undefined;
  neighbours: { previous: number | null; next: number | null };
  onShow: (id: number | null) => void;
}) {
  const { previous, next } = neighbours;
  const query = useImage(dataset.id, imageId);
  const image = known ?? query.data;

  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (event.key === "ArrowLeft" && previous !== null) onShow(previous);
      if (event.key === "ArrowRight" && next !== null) onShow(next);
    }
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [previous, next, onShow]);

  useEffect(() => {
    // The browser keeps what it has loaded, so that a step shows at once.
    for (const id of [next, previous]) {
      if (id !== null) document.createElement("img").src = thumbnailUrl(dataset.id, id, 1024);
    }
  }, [dataset.id, next, previous]);

  return (
    <Dialog
      wide
      title={image?.path.split("/").at(-1) ?? `Image ${imageId}`}
      onClose={() => onShow(null)}
      actions={
        <>
          <a
            className={styles.original}
            href={`/datasets/${dataset.id}/images/${imageId}`}
            target="_blank"
            rel="noreferrer"
          >
            Open the original <ExternalLink aria-hidden />
          </a>
          <Button
            icon={<ChevronLeft aria-hidden />}
            aria-label="Previous image"
            disabled={previous === null}
            onClick={() => onShow(previous)}
          />
          <Button
            icon={<ChevronRight aria-hidden />}
            aria-label="Next image"
            disabled={next === null}
            onClick={() => onShow(next)}
          />
          <Button onClick={() => onShow(null)}>Close</Button>
        </>
      }
    >
      {!image && query.isError && (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      )}
      {!image && query.isPending && <Skeleton lines={6} label="Loading the image" />}
      {image && (
        <div className={styles.columns}>
          <div className={styles.frame}>
            <img
              key={imageId}
              src={thumbnailUrl(dataset.id, imageId, 1024)}
              alt={`${image.class_name}, ${image.path}`}
              width={image.width}
              height={image.height}
            />
          </div>
          <ImageFacts dataset={dataset} image={image} />
        </div>
      )}
    </Dialog>
  );
}
