import { X } from "lucide-react";
import { Suspense } from "react";
import { Link, useSearchParams } from "wouter";
import { count, decimal, loss as formatLoss, percent, percentInterval } from "@/format";
import { describeRecipe } from "@/jobs/words";
import { Button, LinkButton } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { Card } from "@/ui/Card";
import { StatusChip } from "@/ui/Chip";
import { LazyChart } from "@/ui/LazyChart";
import { lazy } from "@/ui/lazy";
import { Page, Stack } from "@/ui/Page";
import { Empty, Failure, Skeleton } from "@/ui/States";
import { Table } from "@/ui/Table";
import { Whisker } from "@/ui/Whisker";
import styles from "./ComparePage.module.css";
import { colorOf, makeCurves, runLabel } from "./curves";
import { findDifferences } from "./differences";
import { PairedTests } from "./PairedTests";
import { type Run, useChoices, useRuns } from "./queries";
import { StudyList } from "./StudyList";

const ComboBox = lazy(() =>
  import("@/ui/ComboBox").then(({ ComboBox }) => ({ default: ComboBox })),
);

/** Any jobs side by side: curves, accuracies, the settings that differ, paired tests. */
export default function ComparePage() {
  const [params, setParams] = useSearchParams();
  const ids = (params.get("jobs") ?? "").split(",").filter(Boolean);
  const queries = useRuns(ids);
  const runs = queries.flatMap(({ data }) => (data ? [data] : []));
  const failed = queries.find(({ isError }) => isError);
  const setIds = (next: readonly string[]) =>
    setParams(next.length > 0 ? { jobs: next.join(",") } : {}, { replace: true });

  return (
    <Page
      title="Compare"
      documentTitle="Compare"
      crumbs={[{ label: "Jobs", href: "/jobs" }]}
      subtitle="Curves, accuracies and settings of several jobs."
      actions={ids.length > 0 && <Call call={makeCall(ids)} />}
    >
      <AddJob ids={ids} onAdd={(id) => setIds([...ids, id])} />
      {failed && <Failure error={failed.error} onRetry={() => void failed.refetch()} />}
      {ids.length === 0 ? (
        <>
          <Card>
            <Empty
              title="Choose jobs to compare"
              action={<LinkButton href="/jobs">Choose from the list</LinkButton>}
            >
              Add two or more jobs above. A pretrained network against one from scratch shows what
              transfer learning is worth.
            </Empty>
          </Card>
          <StudyList />
        </>
      ) : runs.length < ids.length && !failed ? (
        <Skeleton lines={10} label="Loading the jobs" />
      ) : (
        <Comparison runs={runs} onRemove={(id) => setIds(ids.filter((one) => one !== id))} />
      )}
    </Page>
  );
}

function AddJob({ ids, onAdd }: { ids: readonly string[]; onAdd: (id: string) => void }) {
  const { data } = useChoices();
  const options = (data?.data ?? [])
    .filter((job) => !ids.includes(job.id))
    .map((job) => ({
      id: job.id,
      label: runLabel({ job }),
      detail: job.best ? percent(job.best.val_accuracy) : job.status,
    }));
  return (
    <div className={styles.add}>
      <Suspense fallback={<Skeleton lines={1} label="Loading the jobs" />}>
        <ComboBox
          key={ids.join()}
          label="Add a job"
          options={options}
          value={null}
          onChange={onAdd}
        />
      </Suspense>
    </div>
  );
}

function Comparison({ runs, onRemove }: { runs: readonly Run[]; onRemove: (id: string) => void }) {
  const accuracy = makeCurves(runs, "val_accuracy");
  const loss = makeCurves(runs, "val_loss");
  const differences = findDifferences(runs.map(({ job }) => job.config));
  return (
    <>
      <div className={styles.charts}>
        <Card title="Validation accuracy">
          <LazyChart
            label="Validation accuracy by epoch"
            xLabel="Epoch"
            x={accuracy.x}
            series={accuracy.series}
            isShare
            format={(value) => percent(value)}
            height={320}
          />
        </Card>
        <Card title="Validation loss">
          <LazyChart
            label="Validation loss by epoch"
            xLabel="Epoch"
            x={loss.x}
            series={loss.series}
            format={formatLoss}
            height={320}
          />
        </Card>
      </div>
      <Card title="Best epochs" aside="95 % intervals over the validation images" flush>
        <Table
          caption="The compared jobs"
          columns={[
            {
              key: "job",
              header: "Job",
              cell: (run) => <RunName run={run} index={runs.indexOf(run)} />,
            },
            {
              key: "status",
              header: "Status",
              cell: ({ job }) => <StatusChip status={job.status} />,
              wide: true,
            },
            {
              key: "epoch",
              header: "Best epoch",
              cell: ({ job }) => count(job.best?.epoch),
              wide: true,
            },
            {
              key: "loss",
              header: "Loss",
              cell: ({ job }) => decimal(job.best?.val_loss),
              wide: true,
            },
            {
              key: "accuracy",
              header: "Accuracy",
              cell: ({ job }) => percent(job.best?.val_accuracy),
            },
            {
              key: "balanced",
              header: "Balanced",
              cell: ({ job }) => percent(job.best?.val_balanced_accuracy),
              wide: true,
            },
            {
              key: "interval",
              header: "Interval",
              cell: ({ report }) => percentInterval(report?.accuracy_interval),
              wide: true,
            },
            {
              key: "whisker",
              header: "0 – 100 %",
              cell: ({ report }) => report && <RunWhisker report={report} />,
              wide: true,
            },
            {
              key: "remove",
              header: <span className="visually-hidden">Remove</span>,
              cell: ({ job }) => (
                <Button
                  look="quiet"
                  icon={<X aria-hidden />}
                  aria-label={`Remove ${job.config.model_name}`}
                  onClick={() => onRemove(job.id)}
                />
              ),
            },
          ]}
          rows={runs}
          rowKey={({ job }) => job.id}
        />
      </Card>
      {runs.length > 1 && (
        <Stack>
          <Card title="Settings that differ" flush>
            {differences.length === 0 ? (
              <Empty title="All settings are equal">The jobs differ in nothing but chance.</Empty>
            ) : (
              <Table
                caption="Settings that differ between the jobs"
                columns={[
                  { key: "field", header: "Setting", cell: ({ field }) => <code>{field}</code> },
                  ...runs.map((run, index) => ({
                    key: run.job.id,
                    header: <Swatch index={index} label={runLabel(run)} />,
                    cell: ({ values }: { values: string[] }) => values[index],
                  })),
                ]}
                rows={differences}
                rowKey={({ field }) => field}
              />
            )}
          </Card>
          <PairedTests runs={runs} />
        </Stack>
      )}
    </>
  );
}

function RunName({ run, index }: { run: Run; index: number }) {
  const { config, id } = run.job;
  return (
    <span className={styles.name}>
      <Swatch index={index} />
      <span>
        <Link href={`/jobs/${id}`} className="link">
          {config.model_name}
        </Link>
        <span className="muted"> {describeRecipe(run.job)}</span>
      </span>
    </span>
  );
}

function Swatch({ index, label }: { index: number; label?: string }) {
  return (
    <>
      <span
        className={styles.swatch}
        style={{ background: `var(--c${colorOf(index)})` }}
        title={label}
      />
      {label && <span className="visually-hidden">{label}</span>}
    </>
  );
}

function RunWhisker({ report }: { report: NonNullable<Run["report"]> }) {
  const [low, high] = report.accuracy_interval;
  return <Whisker value={report.accuracy} interval={[Number(low), Number(high)]} />;
}

function makeCall(ids: readonly string[]) {
  const [first, ...others] = ids;
  const compare = others.map((id) => `&compare=${id}`).join("");
  return {
    curl: `curl -o curves.png "$GRAFT_URL/jobs/${first}/history.png?${compare.slice(1)}"`,
    python: `from graft_client import Graft\n\ngraft = Graft()\nfor id in ${JSON.stringify(ids)}:\n    print(graft.jobs.get(id).report().accuracy)`,
  };
}
