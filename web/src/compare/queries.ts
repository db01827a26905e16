import { useQueries, useQuery } from "@tanstack/react-query";
import { api, bodyAs, bodyOf, type Schemas } from "@/api/client";
import { asServiceError } from "@/api/problem";

const NUM_POINTS = 400;
const NUM_CHOICES = 200;

export type Job = Schemas["JobView"];

/** A compared job with its curves and, once it has succeeded, its accuracy. */
export interface Run {
  job: Job;
  history: Schemas["EpochRow"][];
  report: Schemas["JobReportView"] | null;
}

/** The jobs of the page with their curves and reports, in the order of `ids`. */
export function useRuns(ids: readonly string[]) {
  return useQueries({
    queries: ids.map((id) => ({ queryKey: ["jobs", id, "run"], queryFn: () => readRun(id) })),
  });
}

async function readRun(id: string): Promise<Run> {
  const path = { job_id: id };
  const [job, history] = await Promise.all([
    bodyOf(api.GET("/jobs/{job_id}", { params: { path } })),
    bodyAs<Schemas["History"]>(
      api.GET("/jobs/{job_id}/history", { params: { path, query: { points: NUM_POINTS } } }),
    ),
  ]);
  if (job.status !== "succeeded") return { job, history: history.data, report: null };
  try {
    const report = await bodyAs<Schemas["JobReportView"]>(
      api.GET("/jobs/{job_id}/report", { params: { path } }),
    );
    return { job, history: history.data, report };
  } catch (error) {
    if (asServiceError(error).status === 409) return { job, history: history.data, report: null };
    throw error;
  }
}

/** The newest jobs that have something to compare. */
export function useChoices() {
  return useQuery({
    queryKey: ["jobs", { choices: NUM_CHOICES }],
    queryFn: () =>
      bodyOf(
        api.GET("/jobs", {
          params: { query: { limit: NUM_CHOICES, status: ["succeeded", "running", "failed"] } },
        }),
      ),
  });
}

/** The test whether two jobs differ on the images that both classified; null for the same job. */
export function usePairedTest(first: string, second: string) {
  return useQuery({
    queryKey: ["jobs", first, "paired test", second],
    retry: false,
    queryFn: () =>
      bodyOf(
        api.GET("/jobs/{job_id}/paired_test", {
          params: { path: { job_id: first }, query: { with: second } },
        }),
      ),
  });
}

/** Images on which two jobs answer differently. */
export function useDisagreements(first: string, second: string, limit: number) {
  return useQuery({
    queryKey: ["jobs", first, "disagreements", second, limit],
    retry: false,
    queryFn: () =>
      bodyOf(
        api.GET("/jobs/{job_id}/paired_test/images", {
          params: { path: { job_id: first }, query: { with: second, limit } },
        }),
      ),
  });
}
