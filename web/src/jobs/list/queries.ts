import {
  type InfiniteData,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { api, bodyOf, type Schemas } from "@/api/client";
import type { Job, JobStatus } from "../queries";
import { leavesGap, mergeRows } from "./rows";

export interface JobFilters {
  status: readonly JobStatus[];
  q: string;
  datasetId: string | null;
}

const PER_PAGE = 50;

function fetchPage({ status, q, datasetId }: JobFilters, after: string | null) {
  return bodyOf(
    api.GET("/jobs", {
      params: {
        query: {
          limit: PER_PAGE,
          ...(after ? { after } : {}),
          ...(status.length > 0 ? { status: [...status] } : {}),
          ...(q ? { q } : {}),
          ...(datasetId ? { dataset_id: datasetId } : {}),
        },
      },
    }),
  );
}

type JobPage = Schemas["Page_JobView_"];
type Pages = InfiniteData<JobPage, string | null>;

/**
 * The jobs that match the filters, newest first, by pages.
 *
 * Live hints fetch only the newest page again, however far one has scrolled; rows of unfinished
 * jobs further down fetch themselves.
 */
export function useJobs(filters: JobFilters) {
  const client = useQueryClient();
  const newest = useQuery({
    queryKey: ["jobs", filters],
    queryFn: () => fetchPage(filters, null),
  });
  const pagesKey = ["job-pages", filters];
  const older = useInfiniteQuery({
    queryKey: pagesKey,
    queryFn: ({ pageParam }) => fetchPage(filters, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: ({ has_more, last_id }) => (has_more ? last_id : undefined),
    enabled: false,
  });
  const jobs = useMemo(
    () => mergeRows(newest.data?.data ?? [], older.data?.pages.flatMap((page) => page.data) ?? []),
    [newest.data, older.data],
  );
  const isGap = leavesGap(newest.data, older.data?.pages[0]);
  useEffect(() => {
    if (isGap) client.removeQueries({ queryKey: ["job-pages"] });
  }, [client, isGap]);

  async function fetchMore(): Promise<void> {
    if (older.isFetching || !newest.data) return;
    if (!older.data) {
      client.setQueryData<Pages>(pagesKey, { pages: [newest.data], pageParams: [null] });
    }
    await older.fetchNextPage();
  }

  return {
    newest,
    jobs: jobs.filter((job) => matches(job, filters)),
    hasMore: older.data ? older.hasNextPage : (newest.data?.has_more ?? false),
    moreError: older.error,
    fetchMore,
  };
}

/** A job that has left the filtered status since its page was fetched is not shown. */
function matches(job: Job, { status }: JobFilters): boolean {
  return status.length === 0 || status.includes(job.status);
}
