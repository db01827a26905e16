/** Packs a folder into an uncompressed zip; images do not get smaller by compression. */

import type { FolderFile } from "./source";

/** Return the zip of the files; rejects with the signal's reason when it aborts. */
export async function packFolder(
  files: readonly FolderFile[],
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const { downloadZip } = await import("client-zip");
  async function* entries() {
    let done = 0;
    for (const { path, file } of files) {
      signal.throwIfAborted();
      yield { name: path, input: file, lastModified: file.lastModified };
      done += file.size;
      onProgress(done);
    }
  }
  const zip = await downloadZip(entries()).blob();
  signal.throwIfAborted();
  return zip;
}
