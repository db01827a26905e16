import { useEffect, useRef, useState } from "react";
import { showToast } from "@/ui/toasts";
import { readDrop } from "./reading";
import type { Source } from "./source";

interface PageDrop {
  /** Files are being dragged over the page. */
  isOver: boolean;
  /** The number of files found in a dropped folder so far; null while none is read. */
  numRead: number | null;
}

/** Accept files and folders that are dropped anywhere on the page. */
export function usePageDrop(onSources: (sources: Source[]) => void): PageDrop {
  const [isOver, setOver] = useState(false);
  const [numRead, setNumRead] = useState<number | null>(null);
  const latest = useRef(onSources);
  latest.current = onSources;

  useEffect(() => {
    let depth = 0; // An element's enter event comes before the leave event of the one around it.
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

    function onEnter(event: DragEvent): void {
      if (!hasFiles(event)) return;
      depth += 1;
      setOver(true);
    }
    function onLeave(event: DragEvent): void {
      if (!hasFiles(event)) return;
      depth -= 1;
      if (depth <= 0) setOver(false);
    }
    function onOver(event: DragEvent): void {
      if (hasFiles(event)) event.preventDefault();
    }
    async function onDrop(event: DragEvent): Promise<void> {
      if (!event.dataTransfer || !hasFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      setNumRead(0);
      try {
        const sources = await readDrop(event.dataTransfer, setNumRead);
        if (sources.length > 0) latest.current(sources);
        else showToast("The folder is empty.", { tone: "bad" });
      } catch {
        showToast("The browser could not read the folder. Try again or choose it by the button.", {
          tone: "bad",
        });
      } finally {
        setNumRead(null);
      }
    }

    const handleDrop = (event: DragEvent) => void onDrop(event);
    window.addEventListener("dragenter", onEnter);
    window.addEventListener("dragleave", onLeave);
    window.addEventListener("dragover", onOver);
    window.addEventListener("drop", handleDrop);
    return () => {
      window.removeEventListener("dragenter", onEnter);
      window.removeEventListener("dragleave", onLeave);
      window.removeEventListener("dragover", onOver);
      window.removeEventListener("drop", handleDrop);
    };
  }, []);

  return { isOver, numRead };
}
