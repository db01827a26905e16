import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** The width of an element in pixels, kept up to date; `initial` before it is measured. */
export function useWidth<Host extends Element>(
  initial: number,
): [ref: RefObject<Host | null>, width: number] {
  const ref = useRef<Host>(null);
  const [width, setWidth] = useState(initial);
  useLayoutEffect(() => {
    const host = ref.current;
    if (!host) return undefined;
    const measure = () => setWidth(host.clientWidth || initial);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(host);
    return () => observer.disconnect();
  }, [initial]);
  return [ref, width];
}
