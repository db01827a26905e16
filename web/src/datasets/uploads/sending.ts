/** Sends an archive; XMLHttpRequest tells the progress of an upload, which fetch does not. */

import { api, bodyAs, type Schemas } from "@/api/client";
import { readError, ServiceError } from "@/api/problem";
import { MIN_BYTES, type Parts, sendInParts } from "./parts";

export interface Submission extends Parts {
  name: string;
  /** Null leaves the service's default. */
  valFraction: number | null;
  idempotencyKey: string;
}

type OnProgress = (done: number, total: number) => void;

/**
 * Upload a dataset, a large one in parts; raises ServiceError, or the signal's reason when it
 * aborts.
 */
export function sendDataset(
  submission: Submission,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<Schemas["DatasetDetail"]> {
  const send = submission.archive.size > MIN_BYTES ? sendLarge : sendForm;
  return send(submission, onProgress, signal);
}

async function sendLarge(
  submission: Submission,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<Schemas["DatasetDetail"]> {
  const uploadId = await sendInParts(submission, onProgress, signal);
  const body: Partial<Schemas["DatasetRequest"]> = { upload_id: uploadId, name: submission.name };
  if (submission.valFraction !== null) body.val_fraction = submission.valFraction;
  const headers = { "Idempotency-Key": submission.idempotencyKey };
  return bodyAs(
    api.POST("/datasets", {
      params: { header: { "idempotency-key": submission.idempotencyKey } },
      body: body as Schemas["DatasetRequest"],
      headers,
      signal,
    }),
  );
}

function sendForm(
  submission: Submission,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<Schemas["DatasetDetail"]> {
  const form = new FormData();
  form.set("name", submission.name);
  if (submission.valFraction !== null) form.set("val_fraction", String(submission.valFraction));
  form.set("file", submission.archive, submission.filename);

  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => {
      request.abort();
      reject(signal.reason);
    };
    request.open("POST", "/datasets");
    request.setRequestHeader("Idempotency-Key", submission.idempotencyKey);
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total);
    request.onload = () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else readError(toResponse(request)).then(reject, reject);
    };
    request.onerror = () =>
      reject(
        new ServiceError(
          0,
          "UNREACHABLE",
          "The upload broke off: the service closed the connection or does not answer.",
        ),
      );
    request.onloadend = () => signal.removeEventListener("abort", abort);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    return request.send(form);
  });
}

function toResponse(request: XMLHttpRequest): Response {
  return new Response(request.responseText, {
    status: request.status,
    headers: { "content-type": request.getResponseHeader("content-type") ?? "" },
  });
}
