import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef } from "react";
import { Link, useSearchParams } from "wouter";
import { count } from "@/format";
import { Card } from "@/ui/Card";
import styles from "./ClassBars.module.css";
import { withParams } from "./images/filters";
import { classPath, datasetPath } from "./links";
import type { Dataset } from "./queries";
import { type ClassCounts, countClasses, splitsOf } from "./summary";

const ROW = 32;
const MIN_SORTABLE = 3;
const COLORS = [styles.first, styles.second, styles.third];

/** The number of images of each class as bars, by split. */
export function ClassBars({ dataset }: { dataset: Dataset }) {
  const [params] = useSearchParams();
  const isBySize = params.get("classes") === "size";
  const splits = splitsOf(dataset);
  const classes = useMemo(() => sortClasses(countClasses(dataset), isBySize), [dataset, isBySize]);
  const largest = Math.max(1, ...classes.map(({ total }) => total));
  const host = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: classes.length,
    getScrollElement: () => host.current,
    estimateSize: () => ROW,
    overscan: 8,
  });

  return (
    <Card
      title={
        <>
          Classes <span className={styles.number}>{count(classes.length)}</span>
        </>
      }
      aside={
        <>
          {classes.length >= MIN_SORTABLE && (
            <Link
              className="link"
              href={
                datasetPath(dataset.id) + withParams(params, { classes: isBySize ? null : "size" })
              }
            >
              Sort by {isBySize ? "name" : "size"}
            </Link>
          )}
          <span className={styles.legend}>
            {splits.map((split, index) => (
              <span key={split}>
                <span className={`${styles.key} ${COLORS[index]}`} aria-hidden="true" />
                {split}
              </span>
            ))}
          </span>
        </>
      }
    >
      <div ref={host} className={styles.host}>
        <ul className={styles.list} style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const one = classes[index];
            return (
              one && (
                <li
                  key={one.name}
                  className={styles.row}
                  style={{ transform: `translateY(${start}px)` }}
                >
                  <Bar datasetId={dataset.id} one={one} splits={splits} largest={largest} />
                </li>
              )
            );
          })}
        </ul>
      </div>
    </Card>
  );
}

function Bar({
  datasetId,
  one,
  splits,
  largest,
}: {
  datasetId: string;
  one: ClassCounts;
  splits: readonly string[];
  largest: number;
}) {
  return (
    <Link href={classPath(datasetId, one.name)} className={styles.link}>
      <span className={styles.name} title={one.name}>
        {one.name}
      </span>
      <span className={styles.track} aria-hidden="true">
        {one.counts.map((value, index) => (
          <span
            key={splits[index]}
            className={COLORS[index]}
            style={{ width: `${(value / largest) * 100}%` }}
          />
        ))}
      </span>
      <span className={styles.counts}>
        {one.counts.map((value, index) => (
          <span key={splits[index]}>
            {index > 0 && <span aria-hidden="true"> · </span>}
            {count(value)}
            <span className="visually-hidden"> {splits[index]} </span>
          </span>
        ))}
      </span>
    </Link>
  );
}

function sortClasses(classes: ClassCounts[], isBySize: boolean): ClassCounts[] {
  return isBySize ? classes.sort((one, other) => other.total - one.total) : classes;
}
