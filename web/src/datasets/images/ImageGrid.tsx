import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { Chip } from "@/ui/Chip";
import { Tile, thumbnailUrl } from "@/ui/Tile";
import type { Image } from "../queries";
import type { Finding } from "./filters";
import { FINDING_WORDS } from "./findings";
import styles from "./ImageGrid.module.css";
import { layOut } from "./layout";

const NUM_ROWS_AHEAD = 6;

/** Images in rows of square tiles; only the rows near the window are in the page. */
export function ImageGrid({
  datasetId,
  images,
  hasMore,
  isLoadingMore,
  onMore,
  onOpen,
}: {
  datasetId: string;
  images: readonly Image[];
  hasMore: boolean;
  isLoadingMore: boolean;
  onMore: () => void;
  onOpen: (id: number) => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const { width, top } = useBox(host);
  const { columns, rowHeight } = layOut(width);
  const numRows = width === 0 ? 0 : Math.ceil(images.length / columns);
  const rows = useWindowVirtualizer({
    count: numRows,
    estimateSize: () => rowHeight,
    overscan: 3,
    scrollMargin: top,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured rows are stale when their height changes
  useEffect(() => rows.measure(), [rowHeight]);

  const items = rows.getVirtualItems();
  const isNearEnd = numRows > 0 && (items.at(-1)?.index ?? 0) >= numRows - NUM_ROWS_AHEAD;
  useEffect(() => {
    if (isNearEnd && hasMore && !isLoadingMore) onMore();
  }, [isNearEnd, hasMore, isLoadingMore, onMore]);

  return (
    <div ref={host}>
      <div className={styles.rows} style={{ height: rows.getTotalSize() }}>
        {items.map(({ index, start }) => (
          <div
            key={index}
            className={styles.row}
            style={{
              transform: `translateY(${start - top}px)`,
              gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
            }}
          >
            {images.slice(index * columns, (index + 1) * columns).map((image) => (
              <Tile
                key={image.id}
                src={thumbnailUrl(datasetId, image.id, 256)}
                alt={`${image.class_name}, ${image.path}`}
                caption={image.class_name}
                aside={image.split}
                flag={<Flag findings={image.findings} />}
                onOpen={() => onOpen(image.id)}
              />
            ))}
          </div>
        ))}
      </div>
      {isLoadingMore && (
        <p className={styles.more} role="status">
          Loading more images
        </p>
      )}
    </div>
  );
}

/** The most serious finding about an image. */
function Flag({ findings }: { findings: readonly Finding[] }) {
  const finding = (Object.keys(FINDING_WORDS) as Finding[]).find((one) => findings.includes(one));
  if (!finding) return null;
  return <Chip tone={FINDING_WORDS[finding].tone}>{FINDING_WORDS[finding].flag}</Chip>;
}

/** The width of an element and its distance from the top of the document. */
function useBox(host: React.RefObject<HTMLElement | null>): { width: number; top: number } {
  const [box, setBox] = useState({ width: 0, top: 0 });
  useLayoutEffect(() => {
    const element = host.current;
    if (!element) return undefined;
    const measure = () => {
      const rect = element.getBoundingClientRect();
      const next = { width: rect.width, top: Math.round(rect.top + window.scrollY) };
      setBox((before) => (before.width === next.width && before.top === next.top ? before : next));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(document.body); // what stands above may grow or shrink
    return () => observer.disconnect();
  }, [host]);
  return box;
}
