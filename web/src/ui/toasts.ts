import { useSyncExternalStore } from "react";

export interface Toast {
  id: number;
  text: string;
  tone: "note" | "bad";
  /** A way back, or the next step. */
  action?: { label: string; run: () => void };
}

const SHOWN_MS = 6000;

let toasts: readonly Toast[] = [];
let lastId = 0;
const watchers = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const notify of watchers) notify();
}

/** Show a short message at the bottom of the page for a few seconds. */
export function showToast(
  text: string,
  options: Partial<Pick<Toast, "tone" | "action">> = {},
): void {
  lastId += 1;
  const id = lastId;
  set([...toasts.slice(-2), { id, text, tone: "note", ...options }]);
  setTimeout(() => dismissToast(id), SHOWN_MS);
}

/** Take a message off the page. */
export function dismissToast(id: number): void {
  set(toasts.filter((toast) => toast.id !== id));
}

/** The messages on the page. */
export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (notify) => {
      watchers.add(notify);
      return () => watchers.delete(notify);
    },
    () => toasts,
  );
}
