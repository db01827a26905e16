import { useSearchParams } from "wouter";

export type Changes = Record<string, string | null | undefined>;

/** Return the search params with some of them set, or removed where the value is null or empty. */
export function withChanges(params: URLSearchParams, changes: Changes): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value == null || value === "") next.delete(name);
    else next.set(name, value);
  }
  return next;
}

/** The search params of the page; `set` changes some of them in place or, with `push`, as a new entry of the history. */
export function useUrl(): {
  params: URLSearchParams;
  set: (changes: Changes, options?: { push?: boolean }) => void;
} {
  const [params, setParams] = useSearchParams();
  return {
    params,
    set: (changes, { push = false } = {}) =>
      setParams((previous) => withChanges(previous, changes), { replace: !push }),
  };
}

/** Write a list into one param; commas within the items are kept apart from those between them. */
export function joinList(items: readonly string[]): string {
  return items.map((item) => encodeURIComponent(item)).join(",");
}

/** Read what joinList has written; an unreadable item is kept as it stands. */
export function splitList(text: string | null): string[] {
  if (!text) return [];
  return text.split(",").map((item) => {
    try {
      return decodeURIComponent(item);
    } catch {
      return item;
    }
  });
}
