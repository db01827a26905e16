import { FileArchive, FolderUp, ImageUp } from "lucide-react";
import { type ReactNode, useRef } from "react";
import { useDenial } from "@/access/permissions";
import { count } from "@/format";
import { Button } from "@/ui/Button";
import { showToast } from "@/ui/toasts";
import styles from "./DropZone.module.css";
import { readInput } from "./reading";
import type { Source } from "./source";
import { usePageDrop } from "./usePageDrop";

const ARCHIVES = ".zip,.tar,.tgz,.tzst,.gz,.zst";

/** The place to drop images; the whole page accepts them, and two buttons open a file chooser. */
export function DropZone({
  title,
  children,
  isLarge = false,
  onSources,
}: {
  title: string;
  children?: ReactNode;
  isLarge?: boolean;
  onSources: (sources: Source[]) => void;
}) {
  const folder = useRef<HTMLInputElement>(null);
  const archive = useRef<HTMLInputElement>(null);
  const denied = useDenial("datasets:write");
  const { isOver, numRead } = usePageDrop(denied ? refuse : onSources);

  function refuse(): void {
    if (denied) showToast(denied);
  }

  function choose(event: React.ChangeEvent<HTMLInputElement>): void {
    const { files } = event.target;
    if (files && files.length > 0) onSources(readInput(files));
    event.target.value = ""; // so that the same choice can be made again
  }

  return (
    <div
      className={`${styles.zone} ${isLarge ? styles.large : ""}`}
      data-over={isOver || undefined}
    >
      <ImageUp className={styles.icon} aria-hidden />
      <div className={styles.text}>
        <h2>{denied ? "You may not upload datasets" : title}</h2>
        {denied ? (
          <p className="muted small">{denied}</p>
        ) : numRead === null ? (
          children != null && <p className="muted small">{children}</p>
        ) : (
          <p className="muted small" role="status">
            Reading the folder: {count(numRead)} files
          </p>
        )}
      </div>
      <div className={styles.buttons}>
        <Button
          look="primary"
          icon={<FolderUp aria-hidden />}
          denied={denied}
          onClick={() => folder.current?.click()}
        >
          Choose a folder
        </Button>
        <Button
          icon={<FileArchive aria-hidden />}
          denied={denied}
          onClick={() => archive.current?.click()}
        >
          Choose an archive
        </Button>
      </div>
      <input
        ref={folder}
        type="file"
        webkitdirectory=""
        hidden
        aria-label="Folder of images"
        onChange={choose}
      />
      <input
        ref={archive}
        type="file"
        accept={ARCHIVES}
        multiple
        hidden
        aria-label="Archives of images"
        onChange={choose}
      />
      {isOver && (
        <div className={styles.overlay} aria-hidden="true">
          <span>
            <ImageUp />
            Drop it to make a dataset
          </span>
        </div>
      )}
    </div>
  );
}
