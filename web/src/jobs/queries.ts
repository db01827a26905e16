import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { api, bodyAs, bodyOf, type Schemas } from "@/api/client";
import { finishedEpochs } from "./progress";

export type Job = Schemas["JobView"];
export type JobStatus = Job["status"];
export type Report = Schemas["JobReportView"];
export type JobAction = "stop" | "cancel" | "resume" | "delete";

/** Points of a curve; more cannot be told apart on a screen. */
const NUM_POINTS = 400;
const EVENTS_PER_PAGE = 200;
const REFRESH_ALL_EPOCHS_MS = 15_000;

/** A job with its progress. */
export function useJob(id: string, initial?: Job) {
  return useQuery({
    queryKey: ["jobs", id],
    queryFn: () => bodyOf(api.GET("/jobs/{job_id}", { params: { path: { job_id: id } } })),
    ...(initial ? { placeholderData: initial, enabled: !initial.is_terminal } : {}),
  });
}

function fetchHistory(id: string, points?: number): Promise<Schemas["History"]> {
  const query = points === undefined ? {} : { points };
  return bodyAs(api.GET("/jobs/{job_id}/history", { params: { path: { job_id: id }, query } }));
}

/** The metrics of a job, thinned for curves; fetched again only when an epoch has ended. */
export function useHistory(job: Job) {
  return useQuery({
    queryKey: ["job-history", job.id, finishedEpochs(job.progress), job.status],
    queryFn: () => fetchHistory(job.id, NUM_POINTS),
    placeholderData: keepPreviousData,
    gcTime: 20_000,
  });
}

/** The metrics of every epoch of a job. */
export function useAllEpochs(job: Job, isWanted: boolean) {
  return useQuery({
    queryKey: ["job-epochs", job.id],
    queryFn: () => fetchHistory(job.id),
    enabled: isWanted,
    refetchInterval: job.is_terminal ? false : REFRESH_ALL_EPOCHS_MS,
  });
}

/** The report of a finished job. */
export function useReport(job: Job) {
  return useQuery({
    queryKey: ["job-report", job.id, job.status],
    queryFn: () =>
      bodyAs<Report>(api.GET("/jobs/{job_id}/report", { params: { path: { job_id: job.id } } })),
    enabled: job.status === "succeeded",
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What a job with a time budget has tried; live hints about the job fetch it again. */
export function usePortfolio(job: Job) {
  return useQuery({
    queryKey: ["jobs", job.id, "portfolio"],
    queryFn: () =>
      bodyAs<Required<Schemas["Portfolio"]>>(
        api.GET("/jobs/{job_id}/portfolio", { params: { path: { job_id: job.id } } }),
      ),
  });
}

/** What has happened to a job, in order. */
export function useEvents(job: Job) {
  return useInfiniteQuery({
    queryKey: ["job-events", job.id, job.status, finishedEpochs(job.progress)],
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/jobs/{job_id}/events", {
          params: { path: { job_id: job.id }, query: { limit: EVENTS_PER_PAGE, after: pageParam } },
        }),
      ),
    initialPageParam: 0,
    getNextPageParam: ({ has_more, last_id }) => (has_more ? Number(last_id) : undefined),
    placeholderData: keepPreviousData,
    gcTime: 20_000,
  });
}

/** Stop, cancel, resume or delete a job. */
export function useJobAction(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (action: JobAction): Promise<void> => {
      const params = { params: { path: { job_id: id } } };
      if (action === "delete") await api.DELETE("/jobs/{job_id}", params);
      else await api.POST(`/jobs/{job_id}/${action}`, params);
    },
    onSuccess: (_, action) => {
      if (action === "delete") {
        client.removeQueries({ queryKey: ["jobs", id] });
        client.removeQueries({ queryKey: ["job-pages"] });
      } else void client.invalidateQueries({ queryKey: ["jobs", id] });
      void client.invalidateQueries({ predicate: ({ queryKey }) => isJobList(queryKey) });
    },
  });
}

function isJobList(key: readonly unknown[]): boolean {
  return key[0] === "overview" || (key[0] === "jobs" && typeof key[1] !== "string");
}

/** A dataset, for its name and classes; jobs outlive deleted ones. */
export function useDataset(id: string | null) {
  return useQuery({
    queryKey: ["datasets", id],
    queryFn: () =>
      bodyOf(api.GET("/datasets/{dataset_id}", { params: { path: { dataset_id: id ?? "" } } })),
    enabled: id != null,
    retry: false,
  });
}

/** The datasets whose name contains a text. */
export function useDatasets(text: string) {
  return useQuery({
    queryKey: ["datasets", { q: text, limit: 100 }],
    queryFn: () =>
      bodyOf(
        api.GET("/datasets", { params: { query: { limit: 100, ...(text ? { q: text } : {}) } } }),
      ),
    placeholderData: keepPreviousData,
  });
}

/** All architectures with their weights. */
export function useArchitectures() {
  return useQuery({
    queryKey: ["architectures"],
    queryFn: () => bodyOf(api.GET("/architectures")),
    staleTime: 5 * 60_000,
  });
}
