import { useState } from "react";
import { useLocation } from "wouter";
import { asServiceError } from "@/api/problem";
import { showToast } from "@/ui/toasts";
import { useArchitectures, useDataset } from "../queries";
import { flatten, pathOf, type Recipe } from "../recipe";
import { useUrl } from "../url";
import { availability, fromScratch, measuredRequest, mergeByName, requestOf } from "./form";
import type { Problem } from "./Problems";
import {
  useAdvice,
  useArchitectureSearch,
  useCreateJobs,
  useDryRun,
  usePreset,
  useValidation,
} from "./queries";
import { useJobForm } from "./useJobForm";

/** Everything that the page of a new job shows: its form, and what the service says about it. */
export function useNewJob() {
  const { form, update } = useJobForm();
  const { params } = useUrl();
  const [, navigate] = useLocation();
  const dataset = useDataset(form.datasetId || null);
  const architectures = useArchitectures();
  const isComplete = form.datasetId !== "" && architectures.data !== undefined;
  const needsLayer = form.strategy === "partial" && !form.trainableFrom && !form.budget;

  const request = isComplete ? requestOf(form) : null;
  const bare = { ...form, modelName: "", changes: {} };
  const preset = usePreset(isComplete && !needsLayer ? requestOf(bare) : null);
  const validation = useValidation(request);
  const isValid = validation.data?.is_valid === true && !validation.isPlaceholderData;
  const dryRun = useDryRun(isValid && !form.budget ? measuredRequest(form) : null);

  const isCompared = !form.budget && form.strategy !== "scratch" && params.get("compare") === "1";
  const scratch = isComplete ? requestOf(fromScratch(form, dataset.data?.name ?? "model")) : null;
  const scratchValidation = useValidation(isCompared ? scratch : null);

  const searched = useArchitectureSearch(form.architecture);
  const chosen = mergeByName(architectures.data ?? [], searched.data ?? []).find(
    ({ name }) => name === form.architecture,
  );
  const [asked, setAsked] = useState(false);
  const isAdviceWanted =
    dataset.data?.status === "ready" &&
    !form.budget &&
    (asked || (!!chosen && availability(chosen) === "local"));
  const advice = useAdvice(form.datasetId, form.architecture, isAdviceWanted);

  const create = useCreateJobs();
  const rejected = validation.isError ? asServiceError(validation.error) : null;
  const problems: Problem[] = [
    ...(rejected ? listFields(rejected) : (validation.data?.problems ?? [])),
    ...dryRun.problems,
    ...(isCompared && scratchValidation.data && !scratchValidation.data.is_valid
      ? scratchValidation.data.problems.map(({ message, loc }) => ({
          message: `From scratch: ${message}`,
          ...(loc ? { loc } : {}),
        }))
      : []),
  ];
  const refused = create.error ? asServiceError(create.error) : null;

  function submit(): void {
    if (!request) return;
    const requests = isCompared && scratch ? [request, scratch] : [request];
    create.mutate(requests, {
      onSuccess: (ids) => {
        showToast(ids.length > 1 ? "Two jobs are queued." : "The job is queued.");
        navigate(ids.length > 1 ? `/compare?jobs=${ids.join(",")}` : `/jobs/${ids[0]}`);
      },
    });
  }

  const values: Recipe = validation.data?.config ? flatten(validation.data.config) : (preset ?? {});
  return {
    form,
    update,
    request,
    dataset: dataset.data,
    preset: preset ?? {},
    values,
    validation: validation.data,
    isChecking: validation.isFetching,
    dryRun,
    advice,
    isAdviceWanted,
    askForAdvice: () => setAsked(true),
    isCompared,
    problems,
    errors: byField([...problems, ...(refused ? listFields(refused) : [])]),
    refused,
    isCreating: create.isPending,
    submit,
  };
}

function listFields(error: ReturnType<typeof asServiceError>): Problem[] {
  return error.fields.length > 0 ? error.fields : [{ message: error.message }];
}

function byField(problems: readonly Problem[]): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const { message, loc } of problems) {
    const path = pathOf(loc);
    if (path) errors[path] ??= message;
  }
  return errors;
}
