import { useState } from "react";
import { useDenial } from "@/access/permissions";
import { Button, LinkButton } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { Callout, Card } from "@/ui/Card";
import { Checkbox, TextField } from "@/ui/Field";
import { Columns, Page, Stack } from "@/ui/Page";
import { Empty, Failure, Skeleton } from "@/ui/States";
import { callOfCreate } from "./calls";
import { DatasetField } from "./DatasetField";
import styles from "./NewJobPage.module.css";
import { AdvicePanel } from "./new/AdvicePanel";
import { ArchitectureField } from "./new/ArchitectureField";
import { BudgetField } from "./new/BudgetField";
import { LayerField } from "./new/LayerField";
import { focusField, Problems } from "./new/Problems";
import { RecipeCard } from "./new/RecipeCard";
import { RequirementsPanel } from "./new/RequirementsPanel";
import { StrategyCards } from "./new/StrategyCards";
import { useClone } from "./new/useClone";
import { useNewJob } from "./new/useNewJob";
import { useDatasets } from "./queries";
import { useUrl } from "./url";

const TOP_FIELDS = new Set([
  "dataset_id",
  "time_budget_seconds",
  "architecture",
  "strategy",
  "trainable_from",
  "model_name",
]);

/** Create a training job, for those who may. */
export default function NewJobPage() {
  const denied = useDenial("jobs:write");
  if (!denied) return <NewJob />;
  return (
    <Page title="New job" documentTitle="New job" crumbs={[{ label: "Jobs", href: "/jobs" }]}>
      <Empty
        title="You may not create jobs"
        action={<LinkButton href="/jobs">See the jobs</LinkButton>}
      >
        {denied}
      </Empty>
    </Page>
  );
}

/** The form, with what the job would take beside it. */
function NewJob() {
  const job = useNewJob();
  const clone = useClone(job.update);
  const datasets = useDatasets("");
  return (
    <Page
      title="New job"
      documentTitle="New job"
      crumbs={[{ label: "Jobs", href: "/jobs" }]}
      subtitle={
        clone.id
          ? `A copy of ${clone.id}; change what you like.`
          : "Everything has a measured default; change what you know better."
      }
      actions={job.request && <Call call={callOfCreate(job.request)} />}
    >
      {clone.error ? (
        <Failure error={clone.error} />
      ) : clone.isFilling ? (
        <Skeleton lines={6} label="Reading the job's recipe" />
      ) : datasets.data?.data.length === 0 && !job.form.datasetId ? (
        <Empty
          title="No dataset yet"
          action={
            <LinkButton href="/datasets" look="primary">
              Add a dataset
            </LinkButton>
          }
        >
          A job needs images to learn from. Upload a folder with one subfolder for each class first.
        </Empty>
      ) : (
        <JobFormView job={job} />
      )}
    </Page>
  );
}

function JobFormView({ job }: { job: ReturnType<typeof useNewJob> }) {
  const { form, update, errors } = job;
  const { set } = useUrl();
  const [isOpen, setOpen] = useState(() => Object.keys(form.changes).length > 0);

  function open(path: string): void {
    if (!TOP_FIELDS.has(path)) setOpen(true);
    requestAnimationFrame(() => focusField(path));
  }

  return (
    <Columns>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          job.submit();
        }}
      >
        <Card>
          <div className={styles.subject}>
            <div data-field="dataset_id">
              <DatasetField
                label="Dataset"
                value={form.datasetId || null}
                error={errors.dataset_id}
                onChange={(id) => update({ datasetId: id ?? "" })}
              />
            </div>
            <BudgetField
              value={form.budget}
              error={errors.time_budget_seconds}
              onChange={(budget) => update({ budget })}
            />
            {!form.budget && (
              <ArchitectureField
                value={form.architecture}
                error={errors.architecture}
                onChange={(architecture) => update({ architecture, trainableFrom: null })}
              />
            )}
            <div data-field="model_name">
              <TextField
                label="Model name"
                placeholder={job.dataset?.name ?? ""}
                hint="The model becomes its next version."
                error={errors.model_name}
                maxLength={63}
                value={form.modelName}
                onChange={(event) => update({ modelName: event.target.value })}
              />
            </div>
          </div>
        </Card>
        {form.budget ? (
          <Callout title="The job chooses the recipe.">
            It tries the frozen features of several backbones with solved heads, keeps the best by
            cross-validation, and fine-tunes it where a short trial says that it pays. The job's
            page shows what it tried, what it expected and why it stopped.
          </Callout>
        ) : (
          <RecipeFields job={job} isOpen={isOpen} onOpen={setOpen} />
        )}
        {form.strategy !== "scratch" && !form.budget && (
          <Checkbox
            checked={job.isCompared}
            onChange={(event) => set({ compare: event.target.checked ? "1" : null })}
          >
            Also train from scratch, to compare: a second job with the same settings and random
            weights.
          </Checkbox>
        )}
        {job.refused && (
          <Callout tone="bad" title="The job was not created.">
            {job.refused.message}
          </Callout>
        )}
        <div className={styles.actions}>
          <Button
            type="submit"
            look="primary"
            isBusy={job.isCreating}
            disabled={!job.request || job.validation?.is_valid === false}
          >
            {job.isCompared ? "Train both" : "Train"}
          </Button>
        </div>
      </form>
      <div className={styles.beside}>
        <Stack>
          {form.datasetId ? (
            <>
              <Problems problems={job.problems} onOpen={open} />
              {!form.budget && (
                <>
                  <RequirementsPanel
                    validation={job.validation}
                    dryRun={job.dryRun}
                    onBatchSize={(size) =>
                      update({ changes: { ...form.changes, batch_size: size } })
                    }
                  />
                  <AdvicePanel
                    form={form}
                    advice={job.advice}
                    isWanted={job.isAdviceWanted}
                    onAsk={job.askForAdvice}
                    onUse={update}
                  />
                </>
              )}
            </>
          ) : (
            <Callout title="Choose a dataset.">
              Then this shows how much memory and time the job takes, and which strategy suits it.
            </Callout>
          )}
        </Stack>
      </div>
    </Columns>
  );
}

/** Strategy and recipe, where no time budget leaves them to the job. */
function RecipeFields({
  job,
  isOpen,
  onOpen,
}: {
  job: ReturnType<typeof useNewJob>;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
}) {
  const { form, update, errors } = job;
  const advised = job.advice.data?.architecture === form.architecture ? job.advice.data : null;
  return (
    <>
      <StrategyCards
        value={form.strategy}
        advised={advised?.strategy}
        error={errors.strategy}
        onChange={(strategy) => update({ strategy })}
      />
      {form.strategy === "partial" && form.datasetId && (
        <LayerField
          form={form}
          advised={advised?.trainable_from ?? null}
          error={errors.trainable_from}
          onChange={(trainableFrom) => update({ trainableFrom })}
        />
      )}
      <RecipeCard
        preset={form.preset}
        values={job.values}
        presetValues={job.preset}
        changes={form.changes}
        errors={errors}
        isOpen={isOpen}
        onOpen={onOpen}
        onPreset={(preset) => update({ preset })}
        onChanges={(changes) => update({ changes })}
      />
    </>
  );
}
