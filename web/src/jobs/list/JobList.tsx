import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Job } from "../queries";
import styles from "./JobList.module.css";
import { JobRow } from "./JobRow";

const ROW_HEIGHT = 60;
const PHONE_ROW_HEIGHT = 84;

/** Jobs below each other; only those in view are in the page. */
export function JobList({
  jobs,
  hasMore,
  chosen,
  onChoose,
  onEnd,
}: {
  jobs: readonly Job[];
  hasMore: boolean;
  chosen: readonly string[];
  onChoose: (id: string, isChosen: boolean) => void;
  onEnd: () => void;
}) {
  const list = useRef<HTMLUListElement>(null);
  const [top, setTop] = useState(0);
  const isPhone = useIsPhone();
  useLayoutEffect(() => setTop(list.current?.offsetTop ?? 0), []);
  const size = isPhone ? PHONE_ROW_HEIGHT : ROW_HEIGHT;
  const virtual = useWindowVirtualizer({
    count: jobs.length,
    estimateSize: () => size,
    overscan: 8,
    scrollMargin: top,
    getItemKey: (index) => jobs[index]?.id ?? index,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the sizes depend on the kind of screen alone
  useEffect(() => virtual.measure(), [size]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= jobs.length - 1) onEnd();
  }, [hasMore, last, jobs.length, onEnd]);

  return (
    <ul
      ref={list}
      className={styles.list}
      style={{ height: virtual.getTotalSize() }}
      aria-label="Jobs, newest first"
    >
      {items.map(({ index, key, start, size: height }) => {
        const job = jobs[index];
        if (!job) return null;
        return (
          <li
            key={key}
            className={styles.item}
            style={{ height, transform: `translateY(${start - virtual.options.scrollMargin}px)` }}
            aria-setsize={hasMore ? -1 : jobs.length}
            aria-posinset={index + 1}
          >
            <JobRow
              job={job}
              isChosen={chosen.includes(job.id)}
              onChoose={(isChosen) => onChoose(job.id, isChosen)}
            />
          </li>
        );
      })}
    </ul>
  );
}

function useIsPhone(): boolean {
  const [isPhone, setPhone] = useState(() => matchMedia("(max-width: 760px)").matches);
  useEffect(() => {
    const query = matchMedia("(max-width: 760px)");
    const update = () => setPhone(query.matches);
    query.addEventListener("change", update);
    return () => query.removeEventListener("change", update);
  }, []);
  return isPhone;
}
