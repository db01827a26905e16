/** Reads what was dropped or chosen: archives as they are, folders with all their files. */

import { isArchive } from "./naming";
import type { FolderFile, Source } from "./source";

/** Called with the number of files that were found so far. */
type OnCount = (numFiles: number) => void;

/** Read a drop; must be called while the drop event is handled. */
export async function readDrop(data: DataTransfer, onCount: OnCount): Promise<Source[]> {
  const entries = [...data.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  const files: FolderFile[] = [];
  const report = () => onCount(files.length);
  for (const entry of entries) await walk(entry, files, report);
  return toSources(files);
}

/** Read the files of an `<input type="file">`, with or without `webkitdirectory`. */
export function readInput(list: FileList): Source[] {
  return toSources([...list].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

/** Archives become a source each; all other files together become one. */
export function toSources(files: readonly FolderFile[]): Source[] {
  const isAlone = ({ path }: FolderFile) => !path.includes("/") && isArchive(path);
  const sources: Source[] = files
    .filter(isAlone)
    .map(({ file }) => ({ kind: "archive", name: file.name, file }));
  const rest = files.filter((file) => !isAlone(file));
  if (rest.length > 0) sources.push({ kind: "folder", name: nameOf(rest), files: rest });
  return sources;
}

/** The name of the one dropped folder, or those of a few joined. */
function nameOf(files: readonly FolderFile[]): string {
  const names = new Set(
    files.filter(({ path }) => path.includes("/")).map(({ path }) => path.split("/", 1)[0] ?? ""),
  );
  return names.size > 0 && names.size <= 3 ? [...names].sort().join("-") : "dataset";
}

async function walk(
  entry: FileSystemEntry,
  files: FolderFile[],
  report: () => void,
): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => {
      (entry as FileSystemFileEntry).file(resolve, reject);
    });
    files.push({ path: entry.fullPath.replace(/^\//, ""), file });
    if (files.length % 100 === 0) report();
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader returns at most about 100 entries at a time, and none at its end.
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (batch.length === 0) return;
    await Promise.all(batch.map((child) => walk(child, files, report)));
  }
}
