/** How to do by code what the pages of jobs show. */

import type { Schemas } from "@/api/client";
import type { CallText } from "@/ui/Call";
import type { JobFilters } from "./list/queries";

function origin(): string {
  return location.origin;
}

/** List jobs with these filters. */
export function callOfList({ status, q, datasetId }: JobFilters): CallText {
  const query = new URLSearchParams();
  for (const one of status) query.append("status", one);
  if (q) query.set("q", q);
  if (datasetId) query.set("dataset_id", datasetId);
  const filters = [
    ...(status.length > 0 ? [`status=${JSON.stringify(status)}`] : []),
    ...(q ? [`q=${JSON.stringify(q)}`] : []),
    ...(datasetId ? [`dataset="${datasetId}"`] : []),
  ].join(", ");
  return {
    curl: `curl "${origin()}/jobs${query.size > 0 ? `?${query}` : ""}"`,
    python: [
      "from graft_client import Graft",
      "",
      `graft = Graft("${origin()}")`,
      `for job in graft.jobs.list(${filters}):`,
      "    print(job.id, job.status, job.best)",
    ].join("\n"),
    cli: `graft jobs${status.map((one) => ` --status ${one}`).join("")}`,
  };
}

/** Get a job with its history and report. */
export function callOfJob(id: string): CallText {
  return {
    curl: [
      `curl "${origin()}/jobs/${id}"`,
      `curl "${origin()}/jobs/${id}/history?format=csv"`,
      `curl "${origin()}/jobs/${id}/report"`,
    ].join("\n"),
    python: [
      "from graft_client import Graft",
      "",
      `graft = Graft("${origin()}")`,
      `job = graft.jobs.get("${id}")`,
      "job.wait(progress=True)",
      "history = job.history().to_pandas()",
      "print(job.report().accuracy)",
    ].join("\n"),
    cli: [`graft job watch ${id}`, `graft job history ${id}`].join("\n"),
  };
}

/** Create a job by this request. */
export function callOfCreate(request: Schemas["JobRequest"]): CallText {
  const { dataset_id: datasetId, ...fields } = request;
  const body = JSON.stringify(request, null, 2);
  const python = Object.entries(fields).map(([name, value]) => `    ${name}=${toPython(value)},`);
  const options = Object.entries(fields).map(([name, value]) => {
    const option = value === null ? undefined : CLI_OPTIONS[name];
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    return option ? `--${option} ${quote(text)}` : `--set ${quote(`${name}=${text}`)}`;
  });
  return {
    curl: `curl -X POST "${origin()}/jobs" -H "Content-Type: application/json" -d ${quote(body)}`,
    python: [
      "from graft_client import Graft",
      "",
      `graft = Graft("${origin()}")`,
      "job = graft.train(",
      `    "${datasetId ?? "ds_…"}",`,
      ...python,
      ")",
      "job.wait(progress=True)",
    ].join("\n"),
    cli: ["graft train", datasetId ?? "ds_…", ...options, "--watch"].join(" "),
  };
}

const CLI_OPTIONS: Record<string, string> = {
  architecture: "architecture",
  strategy: "strategy",
  model_name: "model-name",
  epochs: "epochs",
  preset: "preset",
};

function quote(text: string): string {
  return /^[\w./:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A JSON value as Python writes it. */
export function toPython(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(toPython).join(", ")}]`;
  if (typeof value === "object") {
    const entries = Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${toPython(v)}`);
    return `{${entries.join(", ")}}`;
  }
  return JSON.stringify(value);
}
