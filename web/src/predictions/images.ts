/** Images that a person brings to try: they stay in the browser until they are sent to be classified. */

export interface TryImage {
  id: number;
  name: string;
  blob: Blob;
  /** An object URL; it is released when the image is removed. */
  url: string;
}

let lastId = 0;

/** Make an image of a file or blob. */
export function makeImage(blob: Blob, name: string): TryImage {
  lastId += 1;
  return { id: lastId, name, blob, url: URL.createObjectURL(blob) };
}

/** The image files of a drop, a paste or a file dialog. */
export function imagesOf(files: Iterable<File>): TryImage[] {
  return [...files]
    .filter((file) => file.type.startsWith("image/") || file.type === "")
    .map((file) => makeImage(file, file.name || "pasted image"));
}

/** Release an image's memory. */
export function release(image: TryImage): void {
  URL.revokeObjectURL(image.url);
}
