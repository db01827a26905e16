/** The uploads of this tab; they go on while other pages are open. */

import { useSyncExternalStore } from "react";
import { idempotencyKey } from "@/api/client";
import { asServiceError, type ServiceError } from "@/api/problem";
import { queryClient } from "@/api/queries";
import { showToast } from "@/ui/toasts";
import { packFolder } from "./packing";
import { type Rate, RateMeter } from "./rate";
import { sendDataset } from "./sending";
import { type Source, sizeOf } from "./source";

export interface UploadOptions {
  name: string;
  /** Share of each class that becomes the validation split; null for the service's default. */
  valFraction: number | null;
}

export interface Upload extends Rate {
  id: number;
  name: string;
  stage: "packing" | "sending" | "sent" | "failed";
  /** Bytes. */
  done: number;
  total: number;
  datasetId: string | null;
  error: ServiceError | null;
}

interface Task {
  source: Source;
  options: UploadOptions;
  /** Equal for all tries, so that a repeated upload creates no second dataset. */
  key: string;
  /** Where the service has the parts of a large archive, so that another try sends only the rest. */
  url: string | null;
  controller: AbortController;
}

const NO_RATE: Rate = { speed: null, secondsLeft: null };

let uploads: readonly Upload[] = [];
let lastId = 0;
const tasks = new Map<number, Task>();
const watchers = new Set<() => void>();

function set(next: readonly Upload[]): void {
  uploads = next;
  const isActive = next.some(({ stage }) => stage === "packing" || stage === "sending");
  window.onbeforeunload = isActive ? (event) => event.preventDefault() : null;
  for (const notify of watchers) notify();
}

function update(id: number, change: Partial<Upload>): void {
  set(uploads.map((one) => (one.id === id ? { ...one, ...change } : one)));
}

/** Pack a source where it is a folder, and upload it. */
export function startUpload(source: Source, options: UploadOptions): void {
  lastId += 1;
  const id = lastId;
  tasks.set(id, {
    source,
    options,
    key: idempotencyKey(),
    url: null,
    controller: new AbortController(),
  });
  const upload: Upload = {
    id,
    name: options.name,
    stage: "packing",
    done: 0,
    total: sizeOf(source),
    datasetId: null,
    error: null,
    ...NO_RATE,
  };
  set([upload, ...uploads]);
  void run(id);
}

/** Stop an upload and forget it; the service keeps nothing of it. */
export function cancelUpload(id: number): void {
  tasks.get(id)?.controller.abort();
  forgetUpload(id);
}

/** Try a failed upload again. */
export function retryUpload(id: number): void {
  const task = tasks.get(id);
  if (!task) return;
  task.controller = new AbortController();
  update(id, { stage: "packing", done: 0, error: null, ...NO_RATE });
  void run(id);
}

/** Take an upload off the list. */
export function forgetUpload(id: number): void {
  tasks.delete(id);
  set(uploads.filter((one) => one.id !== id));
}

/** Take the upload of a deleted dataset off the list. */
export function forgetDataset(datasetId: string): void {
  set(uploads.filter((one) => one.datasetId !== datasetId));
}

/** The uploads of this tab, newest first. */
export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(
    (notify) => {
      watchers.add(notify);
      return () => watchers.delete(notify);
    },
    () => uploads,
  );
}

async function run(id: number): Promise<void> {
  const task = tasks.get(id);
  if (!task) return;
  const { source, options, key } = task;
  const { signal } = task.controller;
  try {
    const archive =
      source.kind === "archive"
        ? source.file
        : await packFolder(source.files, (done) => update(id, { done }), signal);
    update(id, { stage: "sending", done: 0, total: archive.size });
    const meter = new RateMeter();
    const dataset = await sendDataset(
      {
        archive,
        filename: source.kind === "archive" ? source.name : `${options.name}.zip`,
        name: options.name,
        valFraction: options.valFraction,
        idempotencyKey: key,
        url: task.url,
        onUrl: (url) => {
          task.url = url;
        },
      },
      (done, total) => update(id, { done, total, ...meter.record(done, total, performance.now()) }),
      signal,
    );
    queryClient.setQueryData(["datasets", dataset.id], dataset);
    update(id, { stage: "sent", datasetId: dataset.id, ...NO_RATE });
    tasks.delete(id); // Its files are not needed any more.
    void queryClient.invalidateQueries({ queryKey: ["overview"] });
    void queryClient.invalidateQueries({
      predicate: ({ queryKey }) => queryKey[0] === "datasets" && typeof queryKey[1] !== "string",
    });
  } catch (thrown) {
    if (signal.aborted) return;
    const error = describeFailure(thrown);
    update(id, { stage: "failed", error, ...NO_RATE });
    showToast(`${options.name} was not uploaded: ${error.message}`, { tone: "bad" });
  }
}

/** Say in words what a browser reports when a file changes or disappears while it is read. */
function describeFailure(thrown: unknown): ServiceError {
  if (thrown instanceof DOMException && /^Not(Readable|Found)Error$/.test(thrown.name)) {
    return asServiceError(
      new Error("A file could not be read. It may have been moved or changed; choose it again."),
    );
  }
  return asServiceError(thrown);
}
