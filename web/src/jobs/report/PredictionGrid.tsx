import { Suspense, useState } from "react";
import { decimal } from "@/format";
import { Chip } from "@/ui/Chip";
import { lazy } from "@/ui/lazy";
import { Tile, TileGrid, thumbnailUrl } from "@/ui/Tile";
import type { Job } from "../queries";

const ImageDialog = lazy(() =>
  import("./ImageDialog").then((module) => ({ default: module.ImageDialog })),
);

/** An image with its label and what a model says of it. */
export interface ShownImage {
  image_id: number;
  path: string;
  label: string;
  /** The predicted class, or the label that a check suggests. */
  predicted: string;
  probability: number;
}

/** Images with their labels and predictions; a click shows one in full, with its heat map. */
export function PredictionGrid({
  job,
  images,
  flag,
}: {
  job: Job;
  images: readonly ShownImage[];
  flag?: string;
}) {
  const [open, setOpen] = useState<number | null>(null);
  const shown = open === null ? undefined : images[open];
  return (
    <>
      <TileGrid>
        {images.map((image, index) => (
          <Tile
            key={image.image_id}
            src={thumbnailUrl(job.dataset_id, image.image_id, 256)}
            alt={`${image.path}, labelled ${image.label}`}
            caption={
              image.label === image.predicted ? (
                image.label
              ) : (
                <>
                  {image.label}
                  <br />→ {image.predicted}
                </>
              )
            }
            aside={decimal(image.probability, 2)}
            {...(flag ? { flag: <Chip tone="warn">{flag}</Chip> } : {})}
            onOpen={() => setOpen(index)}
          />
        ))}
      </TileGrid>
      <Suspense>
        {shown && (
          <ImageDialog
            job={job}
            image={shown}
            onPrevious={open !== null && open > 0 ? () => setOpen(open - 1) : undefined}
            onNext={open !== null && open + 1 < images.length ? () => setOpen(open + 1) : undefined}
            onClose={() => setOpen(null)}
          />
        )}
      </Suspense>
    </>
  );
}
