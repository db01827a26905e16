import { type ComponentType, type LazyExoticComponent, lazy as lazyOf } from "react";

const KEY = "graft.loaded-anew";
const ONCE_IN_MS = 60_000;

/**
 * Like React's `lazy`, but where the component's file is gone, the page is loaded anew.
 * So it is after an update of the service while a page was open. Where loading anew does not help
 * within a minute, the error is shown.
 */
// biome-ignore lint/suspicious/noExplicitAny: as in React's type, which infers a component's props
export function lazy<T extends ComponentType<any>>(
  load: () => Promise<{ default: T }>,
): LazyExoticComponent<T> {
  return lazyOf(() => load().catch(loadAnew));
}

function loadAnew(error: unknown): Promise<never> {
  const last = Number(sessionStorage.getItem(KEY));
  if (Date.now() - last < ONCE_IN_MS) throw error;
  sessionStorage.setItem(KEY, String(Date.now()));
  location.reload();
  return new Promise(() => {});
}
