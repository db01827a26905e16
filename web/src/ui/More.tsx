import { useEffect, useRef } from "react";
import { Button } from "./Button";
import styles from "./More.module.css";

/** The part of an infinite query that this needs. */
interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

/** The end of a list with more pages: it loads the next one when it comes into view. */
export function More({ query, label = "Show more" }: { query: Pages; label?: string }) {
  const element = useRef<HTMLDivElement>(null);
  const latest = useRef(query);
  latest.current = query;
  useEffect(() => {
    const host = element.current;
    if (!host || !query.hasNextPage || query.isFetchingNextPage) return undefined;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) latest.current.fetchNextPage();
      },
      { rootMargin: "400px" },
    );
    observer.observe(host);
    return () => observer.disconnect();
  }, [query.hasNextPage, query.isFetchingNextPage]);
  if (!query.hasNextPage) return null;
  return (
    <div ref={element} className={styles.more}>
      <Button isBusy={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
        {query.isFetchingNextPage ? "Loading more" : label}
      </Button>
    </div>
  );
}
