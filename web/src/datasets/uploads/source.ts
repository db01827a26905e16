/** What a person chose or dropped to become a dataset. */

export interface FolderFile {
  /** The path from the dropped folder on, such as "ants-and-bees/train/ants/1.jpg". */
  path: string;
  file: File;
}

export type Source =
  | { kind: "archive"; name: string; file: File }
  | { kind: "folder"; name: string; files: readonly FolderFile[] };

/** The size of what will be sent, in bytes. */
export function sizeOf(source: Source): number {
  if (source.kind === "archive") return source.file.size;
  return source.files.reduce((sum, { file }) => sum + file.size, 0);
}
