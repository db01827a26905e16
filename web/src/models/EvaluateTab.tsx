import { useState } from "react";
import { useSearchParams } from "wouter";
import { useDenial } from "@/access/permissions";
import type { Schemas } from "@/api/client";
import { asServiceError } from "@/api/problem";
import { count, decimal, percent, percentInterval, pValue } from "@/format";
import { Callout, Card } from "@/ui/Card";
import { Facts } from "@/ui/Facts";
import { SelectField } from "@/ui/Field";
import { Empty, Failure, Skeleton } from "@/ui/States";
import { type Sort, Table } from "@/ui/Table";
import styles from "./Models.module.css";
import { type Model, useDatasets, useEvaluation, usePairedTest } from "./queries";

type Evaluation = Schemas["Evaluation"];
type Split = "train" | "val" | "test";
type ClassFigures = Evaluation["per_class"][number];

/** A version on any dataset, and against another version. */
export function EvaluateTab({ model }: { model: Model }) {
  const [params, setParams] = useSearchParams();
  const { name, versions } = model;
  const version = Number(params.get("version")) || versions[0]?.version;
  if (!version) {
    return (
      <Card>
        <Empty title="This model has no version">
          Train a job with this model name to add one.
        </Empty>
      </Card>
    );
  }

  function set(key: string, value: string): void {
    setParams(
      (old) => {
        if (value) old.set(key, value);
        else old.delete(key);
        return old;
      },
      { replace: true },
    );
  }

  return (
    <>
      <Card title="Evaluate a version">
        <div className={styles.form}>
          <SelectField
            label="Version"
            value={version}
            onChange={({ target }) => set("version", target.value)}
          >
            {versions.map((one) => (
              <option key={one.version} value={one.version}>
                {one.version}
              </option>
            ))}
          </SelectField>
          <DatasetChoice
            value={params.get("dataset") ?? ""}
            onChange={(id) => set("dataset", id)}
          />
          <SelectField
            label="Split"
            value={params.get("split") ?? ""}
            onChange={({ target }) => set("split", target.value)}
          >
            <option value="">test, else validation</option>
            <option value="train">train</option>
            <option value="val">val</option>
            <option value="test">test</option>
          </SelectField>
        </div>
      </Card>
      <Result
        name={name}
        version={version}
        datasetId={params.get("dataset")}
        split={(params.get("split") as Split | null) ?? null}
      />
      {versions.length > 1 && (
        <PairedTest
          name={name}
          version={version}
          others={versions.map((one) => one.version).filter((one) => one !== version)}
          other={Number(params.get("with")) || null}
          onChange={(other) => set("with", other)}
        />
      )}
    </>
  );
}

/** A choice of a ready dataset. */
export function DatasetChoice({
  value,
  onChange,
}: {
  value: string;
  onChange: (id: string) => void;
}) {
  const datasets = useDatasets().data?.data ?? [];
  return (
    <SelectField label="Dataset" value={value} onChange={({ target }) => onChange(target.value)}>
      <option value="">Choose a dataset</option>
      {datasets.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </SelectField>
  );
}

function Result({
  name,
  version,
  datasetId,
  split,
}: {
  name: string;
  version: number;
  datasetId: string | null;
  split: Split | null;
}) {
  const denied = useDenial("models:write");
  const query = useEvaluation(
    { name, version },
    datasetId ? { datasetId, split } : null,
    denied === undefined,
  );
  if (!datasetId) {
    return (
      <Card>
        <Empty title="Choose a dataset">
          {denied
            ? `You see the evaluations that others have started, and may not start one. ${denied}`
            : "A worker classifies its images with this version and compares the labels. The result is kept."}
        </Empty>
      </Card>
    );
  }
  if (query.isError && denied && asServiceError(query.error).status === 404) {
    return (
      <Card>
        <Empty title="This version was not evaluated on this dataset">
          You may not start an evaluation. {denied}
        </Empty>
      </Card>
    );
  }
  if (query.isError) {
    return (
      <Card>
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      </Card>
    );
  }
  if (!query.data) {
    return (
      <Card title="A worker is evaluating the version">
        <Skeleton lines={5} label="Evaluating" />
      </Card>
    );
  }
  return <EvaluationView evaluation={query.data} />;
}

function EvaluationView({ evaluation }: { evaluation: Evaluation }) {
  return (
    <>
      <Facts
        facts={[
          {
            label: "Accuracy",
            value: percent(evaluation.accuracy),
            note: percentInterval(evaluation.accuracy_interval),
          },
          {
            label: "Balanced accuracy",
            value: percent(evaluation.balanced_accuracy),
            note: "mean recall",
          },
          {
            label: "Calibration error",
            value: decimal(evaluation.calibration_error),
            note: "lower is better",
          },
          {
            label: "Images",
            value: count(evaluation.num_images),
            note: `split ${evaluation.split}`,
          },
        ]}
      />
      {evaluation.warnings.map((warning) => (
        <Callout key={warning} tone="warn">
          {warning}
        </Callout>
      ))}
      <Classes rows={evaluation.per_class} />
    </>
  );
}

const SORTS: Record<string, (row: ClassFigures) => number | string> = {
  class: (row) => row.class_name,
  support: (row) => row.support,
  precision: (row) => row.precision ?? -1,
  recall: (row) => row.recall ?? -1,
  f1: (row) => row.f1 ?? -1,
};

function Classes({ rows }: { rows: readonly ClassFigures[] }) {
  const [sort, setSort] = useState<Sort>({ key: "recall", descending: false });
  const value = SORTS[sort.key] ?? ((row: ClassFigures) => row.class_name);
  const sorted = [...rows].sort((a, b) => {
    const [first, second] = [value(a), value(b)];
    const order = first < second ? -1 : first > second ? 1 : 0;
    return sort.descending ? -order : order;
  });
  return (
    <Card title="Classes" flush>
      <Table
        caption="Figures of each class"
        sort={sort}
        onSort={setSort}
        columns={[
          { key: "class", header: "Class", cell: (row) => row.class_name, sortable: true },
          { key: "support", header: "Images", cell: (row) => count(row.support), sortable: true },
          {
            key: "precision",
            header: "Precision",
            cell: (row) => percent(row.precision),
            sortable: true,
          },
          { key: "recall", header: "Recall", cell: (row) => percent(row.recall), sortable: true },
          {
            key: "f1",
            header: "F1",
            cell: (row) => decimal(row.f1, 2),
            sortable: true,
            wide: true,
          },
        ]}
        rows={sorted}
        rowKey={(row) => row.class_name}
      />
    </Card>
  );
}

function PairedTest({
  name,
  version,
  others,
  other,
  onChange,
}: {
  name: string;
  version: number;
  others: readonly number[];
  other: number | null;
  onChange: (other: string) => void;
}) {
  const query = usePairedTest(name, version, other ? `${name}:${other}` : null);
  return (
    <Card title="Compare with another version" aside="on the validation images of their jobs">
      <div className={styles.stack}>
        <div className={styles.form}>
          <SelectField
            label="Other version"
            value={other ?? ""}
            onChange={({ target }) => onChange(target.value)}
          >
            <option value="">Choose a version</option>
            {others.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </SelectField>
        </div>
        {query.isError && <Callout tone="warn">{asServiceError(query.error).message}</Callout>}
        {query.data && <Comparison test={query.data} version={version} other={other ?? 0} />}
      </div>
    </Card>
  );
}

function Comparison({
  test,
  version,
  other,
}: {
  test: Schemas["PairedTest"];
  version: number;
  other: number;
}) {
  const isSure = test.p_value < 0.05;
  return (
    <p>
      <strong>
        {isSure
          ? `Version ${test.difference > 0 ? version : other} is better.`
          : "The difference may be chance."}
      </strong>{" "}
      <span className="muted">
        {percent(test.accuracy)} against {percent(test.other_accuracy)} on {count(test.num_images)}{" "}
        images; only version {version} is right on {count(test.only_this_right)}, only version{" "}
        {other} on {count(test.only_other_right)} (McNemar's exact test, {pValue(test.p_value)}
        ).
      </span>
    </p>
  );
}
