import { Chip } from "@/ui/Chip";
import { More } from "@/ui/More";
import { Failure, Skeleton } from "@/ui/States";
import { Tile, thumbnailUrl } from "@/ui/Tile";
import { type Image, itemsOf, type PairKind, usePairs } from "../queries";
import styles from "./PairsList.module.css";

/** Pairs of images side by side. */
export function PairsList({
  datasetId,
  kind,
  onOpen,
}: {
  datasetId: string;
  kind: PairKind;
  onOpen: (imageId: number) => void;
}) {
  const query = usePairs(datasetId, kind);
  const pairs = itemsOf(query);
  if (query.isPending) return <Skeleton lines={6} label="Loading the pairs" />;
  if (query.isError && pairs.length === 0) {
    return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  }
  return (
    <div>
      <ul className={styles.pairs}>
        {pairs.map(({ id, first, second }) => (
          <li key={id} className={styles.pair}>
            <Side datasetId={datasetId} image={first} onOpen={onOpen} />
            <Side datasetId={datasetId} image={second} onOpen={onOpen} />
            {first.class_name !== second.class_name && (
              <p className={styles.note}>
                <Chip tone="warn">different labels</Chip>
              </p>
            )}
          </li>
        ))}
      </ul>
      <More query={query} />
    </div>
  );
}

function Side({
  datasetId,
  image,
  onOpen,
}: {
  datasetId: string;
  image: Image;
  onOpen: (imageId: number) => void;
}) {
  return (
    <div className={styles.side}>
      <Tile
        src={thumbnailUrl(datasetId, image.id, 512)}
        alt={`${image.class_name}, ${image.path}`}
        caption={image.class_name}
        aside={image.split}
        onOpen={() => onOpen(image.id)}
      />
      <span className={styles.path} title={image.path}>
        <bdi>{image.path}</bdi>
      </span>
      <span className={styles.size}>
        {image.width} × {image.height}
      </span>
    </div>
  );
}
