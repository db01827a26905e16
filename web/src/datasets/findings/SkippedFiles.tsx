import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import { count } from "@/format";
import { Card } from "@/ui/Card";
import styles from "./SkippedFiles.module.css";

const ROW = 36;

/** Files of the upload that are not part of the dataset, each with the reason. */
export function SkippedFiles({
  files,
  total,
  kind,
}: {
  files: readonly { path: string; reason: string }[];
  total: number;
  kind: "rejected" | "ignored";
}) {
  const host = useRef<HTMLElement>(null);
  const rows = useVirtualizer({
    count: files.length,
    getScrollElement: () => host.current,
    estimateSize: () => ROW,
    overscan: 8,
  });
  return (
    <Card
      flush
      title={kind === "rejected" ? "Rejected images" : "Ignored files"}
      aside={total > files.length && `the first ${count(files.length)} of ${count(total)}`}
    >
      <section
        ref={host}
        className={styles.host}
        aria-label={`Files that were ${kind}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
      >
        <ul className={styles.list} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => (
            <li
              key={files[index]?.path}
              className={styles.row}
              style={{ transform: `translateY(${start}px)` }}
            >
              <span className={styles.path} title={files[index]?.path}>
                {files[index]?.path}
              </span>
              <span className={styles.reason} title={files[index]?.reason}>
                {files[index]?.reason}
              </span>
            </li>
          ))}
        </ul>
      </section>
    </Card>
  );
}
