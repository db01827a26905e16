import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { adviceQuery } from "@/api/advice";
import { api, bodyOf, idempotencyKey, type Schemas } from "@/api/client";
import { flatten, type Recipe } from "../recipe";

type Request = Schemas["JobRequest"];
export type Validation = Schemas["Validation"];

const TYPING_MS = 400;
const SETTLED_MS = 2500;
const POLL_MS = 2000;

/** A value that follows another once that has not changed for a while. */
function useSettled<T>(value: T, delay: number): T {
  const [settled, setSettled] = useState(value);
  const text = JSON.stringify(value);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `text` stands for the value
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), delay);
    return () => clearTimeout(timer);
  }, [text, delay]);
  return settled;
}

const MIN_SEARCH_LENGTH = 2;
const MAX_SEARCH_LENGTH = 100;

/** The architectures of both libraries whose names contain every word of a text, once it rests. */
export function useArchitectureSearch(text: string) {
  const settled = useSettled(text.trim().slice(0, MAX_SEARCH_LENGTH), TYPING_MS);
  return useQuery({
    queryKey: ["architectures", settled],
    queryFn: () => bodyOf(api.GET("/architectures", { params: { query: { search: settled } } })),
    enabled: settled.length >= MIN_SEARCH_LENGTH,
    placeholderData: keepPreviousData,
    staleTime: 5 * 60_000,
  });
}

/** What POST /jobs would make of a request, without a measurement. */
export function useValidation(request: Request | null) {
  const settled = useSettled(request, TYPING_MS);
  return useQuery({
    queryKey: ["validation", settled],
    queryFn: () => validate(settled as Request),
    enabled: settled !== null,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
}

/** Ask for a validation that runs nothing. */
export function validate(request: Request): Promise<Validation> {
  return bodyOf(
    api.POST("/jobs/validate", { params: { query: { dry_run: false } }, body: request }),
  );
}

/** The recipe of a preset that a form begins with. */
export function usePreset(request: Request | null): Recipe | undefined {
  const { data } = useQuery({
    queryKey: ["validation", request],
    queryFn: () => validate(request as Request),
    enabled: request !== null,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
  return useMemo(() => (data?.config ? flatten(data.config) : undefined), [data]);
}

/** One batch of a request that has not changed for some seconds, measured by a worker. */
export function useDryRun(request: Request | null) {
  const settled = useSettled(request, SETTLED_MS);
  const isSettled = JSON.stringify(settled) === JSON.stringify(request);
  const started = useQuery({
    queryKey: ["dry-run", settled],
    queryFn: async () => {
      const { data, response } = await api.POST("/jobs/validate", { body: settled as Request });
      const isPending = response.status === 202;
      const id = isPending ? (response.headers.get("location")?.split("/").at(-1) ?? null) : null;
      return { validation: data as Validation, id };
    },
    enabled: settled !== null,
    staleTime: 60_000,
  });
  const id = started.data?.id ?? null;
  const finished = useQuery({
    queryKey: ["dry-run-result", id],
    queryFn: async () => {
      const { data, response } = await api.GET("/jobs/validate/{analysis_id}", {
        params: { path: { analysis_id: id ?? "" } },
      });
      return { validation: data as Validation, isPending: response.status === 202 };
    },
    enabled: id !== null,
    refetchInterval: ({ state }) => (state.data && !state.data.isPending ? false : POLL_MS),
  });
  const validation = id === null ? started.data?.validation : finished.data?.validation;
  return {
    measured: isSettled ? (validation?.measured ?? null) : null,
    problems: isSettled ? (validation?.problems ?? []) : [],
    isPending: isSettled && id !== null && (finished.data?.isPending ?? true),
  };
}

/** The layers from which an architecture can be trained, from the lowest. */
export function useLayers(datasetId: string, architecture: string, isWanted: boolean) {
  return useQuery({
    queryKey: ["layers", datasetId, architecture],
    queryFn: async () => {
      const { problems } = await validate({
        dataset_id: datasetId,
        architecture,
        strategy: "partial",
        preset: "recommended",
        seed: 0,
      });
      const named = problems.find(({ loc }) => loc?.at(-1) === "trainable_from");
      return named?.allowed ?? [];
    },
    enabled: isWanted && datasetId !== "",
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** The advice on a dataset, for an architecture that has not changed for a moment. */
export function useAdvice(datasetId: string, architecture: string, isWanted: boolean) {
  const settled = useSettled(architecture, TYPING_MS);
  return useQuery({
    ...adviceQuery(datasetId, settled),
    enabled: isWanted && datasetId !== "" && settled === architecture,
  });
}

/** Create jobs one after the other; a repeated try creates none twice. */
export function useCreateJobs() {
  const client = useQueryClient();
  const keys = useRef(new Map<string, string>());
  return useMutation({
    mutationFn: async (requests: readonly Request[]): Promise<string[]> => {
      const ids: string[] = [];
      for (const body of requests) {
        const text = JSON.stringify(body);
        const key = keys.current.get(text) ?? idempotencyKey();
        keys.current.set(text, key);
        const job = await bodyOf(
          api.POST("/jobs", { params: { header: { "idempotency-key": key } }, body }),
        );
        ids.push(job.id);
      }
      keys.current.clear();
      return ids;
    },
    onSuccess: () => {
      void client.invalidateQueries({
        predicate: ({ queryKey }) =>
          queryKey[0] === "overview" || (queryKey[0] === "jobs" && typeof queryKey[1] !== "string"),
      });
    },
  });
}
