/** Names of datasets, made from the names of folders and files. */

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const RESERVED = new Set(["imagenet", "none"]);
const ARCHIVE = /\.(tar\.zst|tar\.gz|tzst|tar|tgz|zip)$/i;
const FALLBACK = "dataset";
const MAX_LENGTH = 63;

/** Whether the service can read a file of this name as an archive. */
export function isArchive(filename: string): boolean {
  return ARCHIVE.test(filename);
}

/** The name that a folder or archive gives to its dataset: "Ants & Bees.zip" is "ants-bees". */
export function toName(filename: string): string {
  const name = filename
    .replace(ARCHIVE, "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[-._]+/, "")
    .slice(0, MAX_LENGTH)
    .replace(/[-._]+$/, "");
  return name === "" || RESERVED.has(name) ? FALLBACK : name;
}

/** What is wrong with the name of a dataset; undefined if it is allowed. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "A dataset needs a name.";
  if (RESERVED.has(name)) return `“${name}” is reserved. Choose another name.`;
  if (name.length > MAX_LENGTH) return `The name has ${name.length} characters; 63 are allowed.`;
  if (!NAME.test(name)) {
    return "Use lower-case letters, digits, dots, dashes and underscores; start with a letter or digit.";
  }
  return undefined;
}
