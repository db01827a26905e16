import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, bodyOf } from "@/api/client";
import { changesOf, flatten, presetRequest } from "../recipe";
import { useUrl } from "../url";
import { configOf } from "../words";
import { type JobForm, PRESETS, STRATEGIES } from "./form";
import { validate } from "./queries";

/** Fill the form once with the recipe of the job that `?clone=` names. */
export function useClone(update: (form: Partial<JobForm>) => void) {
  const { params } = useUrl();
  const id = params.get("clone");
  const isWanted = id !== null && !params.has("dataset");
  const query = useQuery({
    queryKey: ["clone", id],
    queryFn: () => readForm(id ?? ""),
    enabled: isWanted,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const { data } = query;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the form is filled once
  useEffect(() => {
    if (isWanted && data) update(data);
  }, [isWanted, data]);
  return { id, isFilling: isWanted && !query.isError, error: isWanted ? query.error : null };
}

async function readForm(id: string): Promise<JobForm> {
  const job = await bodyOf(api.GET("/jobs/{job_id}", { params: { path: { job_id: id } } }));
  const config = configOf(job);
  // Without a change, the form has the preset of the strategy, even where a head was trained in steps.
  const { accumulate: _, ...request } = presetRequest(config);
  const preset = await validate(request);
  if (!preset.config) {
    throw new Error(
      `${id} cannot be cloned: ${preset.problems.map((one) => one.message).join(" ")}`,
    );
  }
  return {
    datasetId: config.dataset_id,
    budget: "",
    architecture: config.architecture,
    strategy: STRATEGIES.find((one) => one === config.strategy) ?? "feature_extract",
    preset: PRESETS.find((one) => one === config.preset) ?? "recommended",
    trainableFrom: config.trainable_from,
    modelName: config.model_name,
    changes: changesOf(flatten(config), flatten(preset.config)),
  };
}
