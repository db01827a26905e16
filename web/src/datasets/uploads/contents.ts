/** What a folder holds, told before it is uploaded; the service decides what it means. */

import type { FolderFile } from "./source";

const IMAGE = /\.(jpe?g|png|webp|avif|tiff?|bmp|ppm|pgm)$/i;
const SYSTEM = new Set(["__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir"]);
const SPLITS: Record<string, string> = {
  train: "train",
  val: "val",
  valid: "val",
  validation: "val",
  test: "test",
};

export interface Contents {
  numImages: number;
  numOthers: number;
  /** The splits that the folder names give, in the order train, val, test. */
  splits: string[];
  /** The class folders by name, with their images in all splits. */
  classes: { name: string; numImages: number }[];
  /** Why the service will probably not accept it. */
  problem: string | undefined;
}

/** Count the images of a folder by class. */
export function describeContents(files: readonly FolderFile[]): Contents {
  const images: string[][] = [];
  let numOthers = 0;
  for (const { path } of files) {
    const parts = path.split("/");
    if (parts.some(isSystem)) continue;
    if (IMAGE.test(path)) images.push(parts);
    else numOthers += 1;
  }
  const folders = stripOuter(images.map((parts) => parts.slice(0, -1)));
  const splits = new Set<string>();
  const counts = new Map<string, number>();
  let numLoose = 0;
  const hasSplits = folders.length > 0 && folders.every(([first]) => splitOf(first) !== undefined);
  for (const parts of folders) {
    const split = hasSplits ? splitOf(parts[0]) : undefined;
    if (split) splits.add(split);
    const label = hasSplits ? parts[1] : parts[0];
    if (label === undefined) numLoose += 1;
    else counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const classes = [...counts]
    .map(([name, numImages]) => ({ name, numImages }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  return {
    numImages: images.length,
    numOthers,
    splits: ["train", "val", "test"].filter((split) => splits.has(split)),
    classes,
    problem: findProblem(images.length, numLoose, classes.length),
  };
}

function isSystem(part: string): boolean {
  return part.startsWith(".") || SYSTEM.has(part.toLowerCase());
}

function splitOf(folder: string | undefined): string | undefined {
  return folder === undefined ? undefined : SPLITS[folder.toLowerCase()];
}

/** Leave out the outer folders that all images share, except a split folder. */
function stripOuter(folders: string[][]): string[][] {
  let stripped = folders;
  for (;;) {
    const first = stripped[0]?.[0];
    if (first === undefined || splitOf(first) !== undefined) return stripped;
    if (!stripped.every((parts) => parts[0] === first)) return stripped;
    if (!stripped.some((parts) => parts.length > 1)) return stripped;
    stripped = stripped.map((parts) => parts.slice(1));
  }
}

function findProblem(numImages: number, numLoose: number, numClasses: number): string | undefined {
  if (numImages === 0) return "There is no image in it.";
  if (numLoose > 0) return "Some images are in no class folder.";
  if (numClasses < 2) return "All images are in one folder.";
  return undefined;
}
