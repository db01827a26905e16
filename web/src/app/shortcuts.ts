import { useEffect, useRef } from "react";

const SEQUENCE_MS = 1200;

export const GO_KEYS: Record<string, { path: string; label: string }> = {
  h: { path: "/", label: "Home" },
  d: { path: "/datasets", label: "Datasets" },
  j: { path: "/jobs", label: "Jobs" },
  n: { path: "/jobs/new", label: "New job" },
  c: { path: "/compare", label: "Compare" },
  m: { path: "/models", label: "Models" },
  t: { path: "/try", label: "Try" },
  s: { path: "/service", label: "Service" },
};

/** Keys that work on every page: `/` searches, `g` and a letter goes, `?` helps. */
export function useShortcuts(actions: {
  navigate: (path: string) => void;
  onSearch: () => void;
  onHelp: () => void;
}): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    let pressedG = 0;
    function onKey(event: KeyboardEvent): void {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const target = GO_KEYS[event.key];
      if (target && Date.now() - pressedG < SEQUENCE_MS) {
        pressedG = 0;
        event.preventDefault();
        latest.current.navigate(target.path);
      } else if (event.key === "g") pressedG = Date.now();
      else if (event.key === "/") {
        event.preventDefault();
        latest.current.onSearch();
      } else if (event.key === "?") latest.current.onHelp();
    }
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
    !(target instanceof HTMLInputElement && /^(checkbox|radio|range|button)$/.test(target.type))
  );
}
