/** Sends a large archive in parts (tus), which a broken connection or a restart only interrupts. */

import type { DetailedError } from "tus-js-client";
import { readError, ServiceError } from "@/api/problem";

/** Larger archives are sent in parts. */
export const MIN_BYTES = 64 * 2 ** 20;

const PART_BYTES = 64 * 2 ** 20;

/** Five minutes without progress; then the upload has failed, and can be tried again. */
const PAUSES_MS = [0, 1000, 2000, 5000, ...Array<number>(29).fill(10_000)];

const PASSING = new Set([0, 408, 409, 423, 429, 500, 502, 503, 504]);

export interface Parts {
  archive: Blob;
  filename: string;
  /** Where an earlier try has begun, or null. */
  url: string | null;
  /** Told where the upload is, as soon as it has begun. */
  onUrl: (url: string) => void;
}

/**
 * Upload an archive and return the upload's id; raises ServiceError, or the signal's reason.
 *
 * A later visit goes on with the same file, too: the browser's storage keeps the address.
 */
export async function sendInParts(
  { archive, filename, url, onUrl }: Parts,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const { Upload } = await import("tus-js-client");
  return new Promise((resolve, reject) => {
    const upload = new Upload(archive, {
      endpoint: "/uploads",
      uploadUrl: url,
      chunkSize: PART_BYTES,
      retryDelays: PAUSES_MS,
      metadata: { filename },
      storeFingerprintForResuming: archive instanceof File, // a packed folder has no fingerprint
      removeFingerprintOnSuccess: true,
      onShouldRetry: (error) => isPassing(statusOf(error)),
      onUploadUrlAvailable: () => onUrl(upload.url ?? ""),
      onProgress,
      onError: (error) => {
        signal.removeEventListener("abort", abort);
        describeError(error).then(reject, reject);
      },
      onSuccess: () => {
        signal.removeEventListener("abort", abort);
        resolve(idOf(upload.url ?? ""));
      },
    });
    const abort = () => {
      upload.abort(true).catch(() => undefined); // The service deletes it in a day otherwise.
      reject(signal.reason);
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    return void upload
      .findPreviousUploads()
      .then(([previous]) => {
        if (signal.aborted) return;
        if (previous && !url && archive instanceof File) upload.resumeFromPreviousUpload(previous);
        upload.start();
      })
      .catch(reject);
  });
}

/** Whether the same request may succeed later. */
export function isPassing(status: number): boolean {
  return PASSING.has(status);
}

/** The id in the address of an upload. */
export function idOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

function statusOf(error: Error | DetailedError): number {
  return "originalResponse" in error ? (error.originalResponse?.getStatus() ?? 0) : 0;
}

async function describeError(error: Error | DetailedError): Promise<Error> {
  const status = statusOf(error);
  if ("originalResponse" in error && error.originalResponse && status > 0) {
    const headers = { "content-type": error.originalResponse.getHeader("content-type") ?? "" };
    return readError(new Response(error.originalResponse.getBody(), { status, headers }));
  }
  if (!("originalRequest" in error)) return error;
  return new ServiceError(
    0,
    "UNREACHABLE",
    "The upload broke off: the service does not answer. Try again to send the rest.",
  );
}
