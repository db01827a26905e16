import { useInfiniteQuery } from "@tanstack/react-query";
import { api, bodyOf, type Schemas } from "@/api/client";
import type { Job } from "../queries";
import type { Split } from "./figures";

export interface PredictionFilter {
  split: Split;
  label?: string | undefined;
  predicted?: string | undefined;
  isCorrect?: boolean | undefined;
}

export type Prediction = Schemas["ImagePrediction"];

const PER_PAGE = 48;

/** The predictions of single images, the surest first. */
export function usePredictions(job: Job, filter: PredictionFilter) {
  const { split, label, predicted, isCorrect } = filter;
  return useInfiniteQuery({
    queryKey: ["job-predictions", job.id, filter],
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/jobs/{job_id}/predictions", {
          params: {
            path: { job_id: job.id },
            query: {
              split,
              sort: "probability",
              limit: PER_PAGE,
              ...(label === undefined ? {} : { label }),
              ...(predicted === undefined ? {} : { predicted }),
              ...(isCorrect === undefined ? {} : { is_correct: isCorrect }),
              ...(pageParam === null ? {} : { after: pageParam }),
            },
          },
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: ({ has_more, last_id }) => (has_more ? Number(last_id) : undefined),
    staleTime: Number.POSITIVE_INFINITY,
  });
}
