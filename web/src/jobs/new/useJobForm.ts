import { useMemo } from "react";
import { useArchitectures } from "../queries";
import { useUrl } from "../url";
import {
  defaultArchitecture,
  type JobForm,
  PRESETS,
  type Preset,
  readChanges,
  STRATEGIES,
  type Strategy,
} from "./form";

const PARAMS: Record<keyof JobForm, string> = {
  datasetId: "dataset",
  budget: "budget",
  architecture: "architecture",
  strategy: "strategy",
  preset: "preset",
  trainableFrom: "from",
  modelName: "model",
  changes: "recipe",
};

/** The form of a new job, kept in the URL. */
export function useJobForm(): { form: JobForm; update: (changes: Partial<JobForm>) => void } {
  const { params, set } = useUrl();
  const architectures = useArchitectures();
  const text = params.toString();
  const form = useMemo(() => {
    const read = (name: keyof JobForm) => new URLSearchParams(text).get(PARAMS[name]);
    return {
      datasetId: read("datasetId") ?? "",
      budget: read("budget") ?? "",
      architecture: read("architecture") ?? defaultArchitecture(architectures.data ?? []),
      strategy:
        STRATEGIES.find((one) => one === read("strategy")) ?? ("feature_extract" as Strategy),
      preset: PRESETS.find((one) => one === read("preset")) ?? ("recommended" as Preset),
      trainableFrom: read("trainableFrom"),
      modelName: read("modelName") ?? "",
      changes: readChanges(read("changes")),
    };
  }, [text, architectures.data]);

  function update(changes: Partial<JobForm>): void {
    const next: Record<string, string | null> = {};
    for (const [name, value] of Object.entries(changes)) {
      const param = PARAMS[name as keyof JobForm];
      if (value === null || typeof value === "string") next[param] = value;
      else next[param] = Object.keys(value).length > 0 ? JSON.stringify(value) : null;
    }
    set(next);
  }

  return { form, update };
}
