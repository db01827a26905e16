import { useSearchParams } from "wouter";
import type { Schemas } from "@/api/client";
import { Card } from "@/ui/Card";
import { SelectField } from "@/ui/Field";
import { Stack } from "@/ui/Page";
import { Loaded } from "@/ui/States";
import { Tile, TileGrid, thumbnailUrl } from "@/ui/Tile";
import { makeImage, type TryImage } from "./images";
import { useClassNames, useReadyDatasets, useSamples } from "./queries";

/** Images of a dataset that training did not see, to try the model on. */
export function SampleImages({
  model,
  onImages,
}: {
  model: string | null;
  onImages: (images: TryImage[]) => void;
}) {
  const [params, setParams] = useSearchParams();
  const datasets = useReadyDatasets().data?.data ?? [];
  const classNames = useClassNames(model)?.join();
  const dataset =
    datasets.find(({ id }) => id === params.get("dataset")) ??
    datasets.find(({ class_names }) => class_names.join() === classNames) ??
    datasets[0];
  const samples = useSamples(dataset);
  if (!dataset) return null;

  async function use(image: Schemas["ImageDetail"]): Promise<void> {
    const response = await fetch(`/datasets/${dataset?.id}/images/${image.id}`);
    onImages([makeImage(await response.blob(), image.path)]);
  }

  return (
    <Card title="Or use an image that training did not see">
      <Stack>
        <SelectField
          label="Dataset"
          value={dataset.id}
          onChange={({ target }) =>
            setParams((old) => {
              old.set("dataset", target.value);
              return old;
            })
          }
        >
          {datasets.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </SelectField>
        <Loaded query={samples}>
          {(images) => (
            <TileGrid>
              {images.map((image) => (
                <Tile
                  key={image.id}
                  src={thumbnailUrl(dataset.id, image.id, 256)}
                  alt={image.path}
                  caption={image.class_name}
                  onOpen={() => void use(image)}
                />
              ))}
            </TileGrid>
          )}
        </Loaded>
      </Stack>
    </Card>
  );
}
