import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { useDenial } from "@/access/permissions";
import { api, bodyOf, idempotencyKey } from "@/api/client";
import { asServiceError, type ServiceError } from "@/api/problem";
import { queryClient } from "@/api/queries";
import { DatasetField } from "@/jobs/DatasetField";
import { ArchitectureField } from "@/jobs/new/ArchitectureField";
import { defaultArchitecture } from "@/jobs/new/form";
import { useArchitectures } from "@/jobs/queries";
import { Button, LinkButton } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { Callout, Card } from "@/ui/Card";
import { ChoiceCards } from "@/ui/ChoiceCards";
import { SelectField, TextField } from "@/ui/Field";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { Empty } from "@/ui/States";
import { showToast } from "@/ui/toasts";
import styles from "./NewStudyPage.module.css";
import {
  EMPTY_FORM,
  isAdaptive,
  METHODS,
  requestOf,
  type StudyForm,
  type StudyRequest,
} from "./studyForm";

const CRUMBS = [
  { label: "Jobs", href: "/jobs" },
  { label: "Compare", href: "/compare" },
];

/** Create a study that searches for good settings, for those who may. */
export default function NewStudyPage() {
  const denied = useDenial("jobs:write");
  if (!denied) return <NewStudy />;
  return (
    <Page title="New study" documentTitle="New study" crumbs={CRUMBS}>
      <Empty
        title="You may not create studies"
        action={<LinkButton href="/compare">See the studies</LinkButton>}
      >
        {denied}
      </Empty>
    </Page>
  );
}

function NewStudy() {
  const [params] = useSearchParams();
  const { data: architectures = [] } = useArchitectures();
  const [changes, setChanges] = useState<Partial<StudyForm>>({
    datasetId: params.get("dataset") ?? "",
  });
  const form = { ...EMPTY_FORM, architecture: defaultArchitecture(architectures), ...changes };
  const create = useCreateStudy();
  const request = requestOf(form);
  const update = (more: Partial<StudyForm>) => setChanges({ ...changes, ...more });

  return (
    <Page
      title="New study"
      documentTitle="New study"
      crumbs={CRUMBS}
      subtitle="Trains several configurations on one dataset, and ranks them."
      actions={request && <Call call={callOf(request)} />}
    >
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (request) create.mutate(request);
        }}
      >
        <Card title="What is trained">
          <div className={styles.fields}>
            <DatasetField
              label="Dataset"
              value={form.datasetId || null}
              onChange={(id) => update({ datasetId: id ?? "" })}
            />
            <ArchitectureField
              value={form.architecture}
              error={undefined}
              onChange={(architecture) => update({ architecture })}
            />
            <SelectField
              label="Strategy"
              value={form.strategy}
              onChange={(event) =>
                update({ strategy: event.target.value as StudyForm["strategy"] })
              }
            >
              <option value="fine_tune">Fine-tune the pretrained weights</option>
              <option value="scratch">Train from scratch</option>
            </SelectField>
            <NumberField
              label="Epochs"
              hint="Of each run that is not stopped early."
              value={form.epochs}
              onChange={(epochs) => update({ epochs })}
            />
            <TextField
              label="Study name"
              hint="Left out: the dataset's name."
              maxLength={63}
              value={form.name}
              onChange={(event) => update({ name: event.target.value })}
            />
          </div>
        </Card>
        <ChoiceCards
          name="method"
          label="Method"
          value={form.method}
          choices={METHODS}
          onChange={(method) => update({ method })}
        />
        <SpaceCard form={form} update={update} />
        {create.error && <Refusal error={asServiceError(create.error)} />}
        <div className={styles.submit}>
          <Button type="submit" look="primary" isBusy={create.isPending} disabled={!request}>
            Start the study
          </Button>
          {!request && <span className="muted small">Choose a dataset first.</span>}
        </div>
      </form>
    </Page>
  );
}

function SpaceCard({
  form,
  update,
}: {
  form: StudyForm;
  update: (changes: Partial<StudyForm>) => void;
}) {
  const isGrid = form.method === "grid";
  return (
    <Card title="What is searched">
      <div className={styles.fields}>
        <NumberField
          label="Lowest learning rate"
          hint={isGrid ? "The grid has this one, …" : "Rates are drawn on a logarithmic scale."}
          value={form.lowestRate}
          onChange={(lowestRate) => update({ lowestRate })}
        />
        <NumberField
          label="Highest learning rate"
          hint={isGrid ? "… this one, and the powers of ten between them." : undefined}
          value={form.highestRate}
          onChange={(highestRate) => update({ highestRate })}
        />
        <TextField
          label="Batch sizes"
          hint="With commas between them."
          value={form.batchSizes}
          onChange={(event) => update({ batchSizes: event.target.value })}
        />
        {!isGrid && (
          <NumberField
            label="Configurations"
            hint="How many are tried."
            value={form.numTrials}
            onChange={(numTrials) => update({ numTrials })}
          />
        )}
        {isAdaptive(form.method) && (
          <NumberField
            label="At the same time"
            hint="With fewer, each choice knows more results."
            value={form.numParallel}
            onChange={(numParallel) => update({ numParallel })}
          />
        )}
        <NumberField
          label="Seeds"
          hint="Runs of each configuration. Three or more tell chance apart."
          value={form.numSeeds}
          onChange={(numSeeds) => update({ numSeeds })}
        />
      </div>
    </Card>
  );
}

function NumberField({
  label,
  hint,
  value,
  onChange,
}: {
  label: string;
  hint?: string | undefined;
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <TextField
      label={label}
      hint={hint}
      inputMode="decimal"
      required
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

function Refusal({ error }: { error: ServiceError }) {
  const messages = error.fields.length > 0 ? error.fields.map(({ message }) => message) : [];
  return (
    <Callout tone="bad" title="The study was not created.">
      {messages.length > 0 ? (
        <ul>
          {messages.map((message) => (
            <li key={message}>
              <Message text={message} />
            </li>
          ))}
        </ul>
      ) : (
        <Message text={error.message} />
      )}
    </Callout>
  );
}

function useCreateStudy() {
  const [, navigate] = useLocation();
  const last = useRef({ text: "", key: "" });
  return useMutation({
    mutationFn: (body: StudyRequest) => {
      const text = JSON.stringify(body);
      if (last.current.text !== text) last.current = { text, key: idempotencyKey() };
      return bodyOf(
        api.POST("/studies", {
          params: { header: { "idempotency-key": last.current.key } },
          body,
        }),
      );
    },
    onSuccess: ({ id }) => {
      void queryClient.invalidateQueries({ queryKey: ["studies"] });
      showToast("The study has started.");
      navigate(`/studies/${id}`);
    },
  });
}

function callOf(request: StudyRequest) {
  const body = JSON.stringify(request, null, 2);
  return {
    curl: `curl $GRAFT_URL/studies -H 'content-type: application/json' -d '${body}'`,
    python: [
      "from graft_client import Graft",
      "",
      "study = Graft().studies.create(",
      `    "${request.dataset_id}",`,
      `    base=${pythonOf(request.base)},`,
      `    search=${pythonOf(request.search)},`,
      `    seeds=${pythonOf(request.seeds)},`,
      ").wait()",
    ].join("\n"),
    cli: `graft study study.json --watch  # the body of the curl call`,
  };
}

/** A JSON value as Python writes it. */
function pythonOf(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll(":true", ": True")
    .replaceAll(":false", ": False")
    .replaceAll(":null", ": None");
}
