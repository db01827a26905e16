import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, bodyAs, bodyOf, type Schemas } from "@/api/client";
import { resultOf, untilDone } from "@/api/pending";
import { asServiceError } from "@/api/problem";

const PAGE_SIZE = 50;

export type Model = Schemas["ModelDetail"];
export type Version = Schemas["VersionDetail"];
export type Gate = Schemas["Gate"];
export type Verdict = Schemas["GateVerdict"];
export type Event = Schemas["RegistryEventDetail"];

/** The models, page by page; `q` is a part of the name. */
export function useModels(q: string) {
  return useInfiniteQuery({
    queryKey: ["models", { q }],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/models", {
          params: {
            query: {
              limit: PAGE_SIZE,
              ...(q ? { q } : {}),
              ...(pageParam ? { after: pageParam } : {}),
            },
          },
        }),
      ),
    getNextPageParam: (page) => (page.has_more ? (page.last_id ?? undefined) : undefined),
  });
}

/** A model with its versions. */
export function useModel(name: string) {
  return useQuery({
    queryKey: ["models", name],
    queryFn: () => bodyAs<Model>(api.GET("/models/{name}", { params: { path: { name } } })),
  });
}

/** The model that `/predict` uses, and its shadow; null while none is chosen. */
export function useServing() {
  return useQuery({
    queryKey: ["serving", "detail"],
    queryFn: () => orNull(bodyAs<Schemas["ChosenModel"]>(api.GET("/serving"))),
  });
}

/** The model's gate; null where it has none. */
export function useGate(name: string) {
  return useQuery({
    queryKey: ["models", name, "gate"],
    queryFn: () => orNull(bodyOf(api.GET("/models/{name}/gate", { params: { path: { name } } }))),
  });
}

/** What happened to the model, newest first. */
export function useEvents(name: string) {
  return useInfiniteQuery({
    queryKey: ["models", name, "events"],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/models/{name}/events", {
          params: {
            path: { name },
            query: { limit: PAGE_SIZE, ...(pageParam ? { after: pageParam } : {}) },
          },
        }),
      ),
    getNextPageParam: (page) => (page.has_more ? (page.last_id ?? undefined) : undefined),
  });
}

/** The ready datasets, to evaluate or to gate with. */
export function useDatasets() {
  return useQuery({
    queryKey: ["datasets", { status: "ready", limit: 100 }],
    queryFn: () =>
      bodyAs<Schemas["Page_DatasetDetail_"]>(
        api.GET("/datasets", { params: { query: { status: ["ready"], limit: 100 } } }),
      ),
  });
}

/**
 * A version's evaluation on a dataset, null until it is done.
 *
 * The first call starts it, of those who may; others read what was started before.
 */
export function useEvaluation(
  version: { name: string; version: number },
  target: { datasetId: string; split: "train" | "val" | "test" | null } | null,
  mayStart: boolean,
) {
  return useQuery({
    queryKey: ["models", version.name, "evaluation", version.version, target, mayStart],
    enabled: target !== null,
    retry: false,
    refetchInterval: untilDone,
    queryFn: () => {
      const { datasetId, split } = target ?? { datasetId: "", split: null };
      return resultOf<Schemas["Evaluation"]>(
        mayStart
          ? api.POST("/models/{name}/versions/{version}/evaluate", {
              params: { path: version },
              body: { dataset_id: datasetId, split },
            })
          : api.GET("/models/{name}/versions/{version}/evaluations/{dataset_id}", {
              params: {
                path: { ...version, dataset_id: datasetId },
                query: split ? { split } : {},
              },
            }),
      );
    },
  });
}

/** Whether two versions differ by more than chance on the images that both classified. */
export function usePairedTest(name: string, version: number, other: string | null) {
  return useQuery({
    queryKey: ["models", name, "paired test", version, other],
    enabled: other !== null,
    retry: false,
    queryFn: () =>
      bodyAs<Schemas["PairedTest"]>(
        api.GET("/models/{name}/versions/{version}/paired_test", {
          params: { path: { name, version }, query: { with: other ?? "" } },
        }),
      ),
  });
}

/** Turn "there is none" into null; other errors are raised. */
async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if ([404, 409].includes(asServiceError(error).status)) return null;
    throw error;
  }
}
