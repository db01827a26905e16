import { useQuery } from "@tanstack/react-query";
import { api, bodyAs, bodyOf, type Schemas } from "@/api/client";
import { readError } from "@/api/problem";
import { useOverview } from "@/home/queries";
import type { TryImage } from "./images";

const NUM_MODELS = 100;
const NUM_SAMPLES = 12;
const TOP_K = 5;

export type Answer = Schemas["SinglePrediction"];

/** A model's answer for an image, with its label set and its heat map. */
export function usePrediction(image: TryImage, model: string | null, coverage: number) {
  return useQuery({
    queryKey: ["predict", image.id, model, coverage],
    queryFn: () => predict(image.blob, model, coverage),
    placeholderData: (previous) => previous,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
}

async function predict(blob: Blob, model: string | null, coverage: number): Promise<Answer> {
  const query = new URLSearchParams({
    explain: "true",
    top_k: String(TOP_K),
    coverage: String(coverage),
    ...(model ? { model } : {}),
  });
  const response = await fetch(`/predict?${query}`, {
    method: "POST",
    headers: { "Content-Type": blob.type || "application/octet-stream" },
    body: blob,
  });
  if (!response.ok) throw await readError(response);
  return (await response.json()) as Answer;
}

/** The models that can be chosen. */
export function useModels() {
  return useQuery({
    queryKey: ["models", { limit: NUM_MODELS }],
    queryFn: () => bodyOf(api.GET("/models", { params: { query: { limit: NUM_MODELS } } })),
  });
}

/** The class names of a model, given by reference; by default those of the serving model. */
export function useClassNames(reference: string | null) {
  const serving = useOverview().data?.serving;
  const name = reference?.split(/[:@]/)[0] ?? serving?.resolved.name;
  const query = useQuery({
    queryKey: ["models", name, "detail"],
    enabled: name !== undefined,
    queryFn: () => bodyOf(api.GET("/models/{name}", { params: { path: { name: name ?? "" } } })),
  });
  return query.data?.versions[0]?.class_names;
}

/** Datasets from which sample images can be taken. */
export function useReadyDatasets() {
  return useQuery({
    queryKey: ["datasets", { status: "ready", limit: NUM_MODELS }],
    queryFn: () =>
      bodyAs<Schemas["Page_DatasetDetail_"]>(
        api.GET("/datasets", { params: { query: { status: ["ready"], limit: NUM_MODELS } } }),
      ),
  });
}

/** Some images of a dataset's split that training did not see, spread over the classes. */
export function useSamples(dataset: Schemas["DatasetDetail"] | undefined) {
  const split = dataset?.splits.test ? "test" : "val";
  const classes = (dataset?.class_names ?? []).slice(0, NUM_SAMPLES);
  return useQuery({
    queryKey: ["datasets", dataset?.id, "samples", split],
    enabled: dataset !== undefined,
    queryFn: async () => {
      const each = Math.max(1, Math.ceil(NUM_SAMPLES / Math.max(1, classes.length)));
      const pages = await Promise.all(
        classes.map((name) =>
          bodyOf(
            api.GET("/datasets/{dataset_id}/images", {
              params: {
                path: { dataset_id: dataset?.id ?? "" },
                query: { split, class: name, limit: each },
              },
            }),
          ),
        ),
      );
      return pages.flatMap((page) => page.data).slice(0, NUM_SAMPLES);
    },
  });
}
