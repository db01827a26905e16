// Fails when the first page loads more than 150 KB of compressed script.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const MAX_BYTES = 150_000;
const FIRST_PAGE = "src/home/HomePage.tsx";
const FOLDER = new URL("../../app/dashboard/static/", import.meta.url);

const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", FOLDER), "utf8"));

/** List the script files of an entry and of everything that it imports statically. */
function collect(key, files = new Set()) {
  const { file, imports = [] } = manifest[key];
  if (!files.has(file)) {
    files.add(file);
    for (const one of imports) collect(one, files);
  }
  return files;
}

const files = collect(FIRST_PAGE, collect("index.html"));
let total = 0;
for (const file of [...files].filter((name) => name.endsWith(".js"))) {
  total += gzipSync(readFileSync(new URL(file, FOLDER))).length;
}
console.log(
  `First page: ${(total / 1000).toFixed(1)} KB of compressed script (at most ${MAX_BYTES / 1000}).`,
);
if (total > MAX_BYTES) process.exit(1);
