import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "wouter";
import { useDenial } from "@/access/permissions";
import { api, bodyAs, bodyOf, type Schemas } from "@/api/client";
import { queryClient } from "@/api/queries";
import { count, decimal, percent, percentInterval, plural } from "@/format";
import { Button, LinkButton } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { Card } from "@/ui/Card";
import { Chip, StatusChip } from "@/ui/Chip";
import { LazyChart } from "@/ui/LazyChart";
import { LazyConfirmDialog } from "@/ui/LazyConfirmDialog";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { Progress } from "@/ui/Progress";
import { Ranking as Bars } from "@/ui/Ranking";
import { Empty, Loaded } from "@/ui/States";
import { Table } from "@/ui/Table";
import { Whisker } from "@/ui/Whisker";
import { makeBands } from "./studyCurves";

type Study = Schemas["StudyView"];
type Ranked = Study["ranking"][number];

/** Why an adaptive search chose a configuration. */
const ORIGINS: Record<NonNullable<Ranked["origin"]>, string> = {
  startup: "drawn at random",
  model: "chosen by the results",
  random: "drawn at random",
};

const NUM_POINTS = 300;
const NUM_DRAWN = 6;

/** A study: its progress, the ranking of its configurations, their mean curves. */
export default function StudyPage() {
  const { id } = useParams<{ id: string }>();
  const query = useQuery({
    queryKey: ["studies", id],
    queryFn: () =>
      bodyAs<Study>(api.GET("/studies/{study_id}", { params: { path: { study_id: id } } })),
  });
  const study = query.data;
  return (
    <Page
      title={
        <>
          {study?.name ?? "Study"} {study && <StatusChip status={study.status} />}
        </>
      }
      documentTitle={study?.name ?? "Study"}
      crumbs={[
        { label: "Jobs", href: "/jobs" },
        { label: "Compare", href: "/compare" },
      ]}
      subtitle={
        study && (
          <>
            {plural(study.progress.runs, "run")} on{" "}
            <Link href={`/datasets/${study.dataset_id}`} className="link">
              the dataset
            </Link>
            , {plural(study.seeds.length, "seed")} for each configuration
          </>
        )
      }
      actions={
        study && (
          <>
            <Call call={makeCall(id)} />
            {!study.is_terminal && <CancelButton study={study} />}
            <LinkButton href={`/compare?jobs=${bestRuns(study).join(",")}`}>
              Compare the best
            </LinkButton>
          </>
        )
      }
    >
      <Loaded query={query} lines={10}>
        {(loaded) => (
          <>
            <StudyProgress study={loaded} />
            <BestSoFar study={loaded} />
            <Curves study={loaded} />
            <Ranking study={loaded} />
            {loaded.search && <Importance id={loaded.id} />}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function StudyProgress({ study }: { study: Study }) {
  const { progress, is_terminal, search_progress: search } = study;
  if (search) return <SearchProgress progress={progress} search={search} />;
  if (is_terminal) return null;
  const done = progress.succeeded + progress.failed + progress.cancelled;
  return (
    <Card title="Progress" aside={`${count(done)} of ${plural(progress.runs, "run")} done`}>
      <Progress value={done / Math.max(1, progress.runs)} label="Finished runs" />
      <p className="muted small">
        {count(progress.running)} running, {count(progress.queued)} queued, {count(progress.failed)}{" "}
        failed
      </p>
    </Card>
  );
}

function SearchProgress({
  progress,
  search,
}: {
  progress: Study["progress"];
  search: Schemas["SearchProgress"];
}) {
  const isOver = search.status === "finished" || search.status === "stopped";
  return (
    <Card
      title="Search"
      aside={`${count(search.num_finished)} of ${plural(search.num_trials, "configuration")} done`}
    >
      {!isOver && (
        <Progress
          value={search.num_finished / Math.max(1, search.num_trials)}
          label="Finished configurations"
        />
      )}
      <p>
        <Message text={search.message} />
      </p>
      <p className="muted small">
        {count(search.num_created)} chosen, {count(search.num_running)} running or queued,{" "}
        {count(progress.failed)} failed, {count(progress.cancelled)} stopped or cancelled,{" "}
        {count(search.num_invalid)} that cannot be run
      </p>
    </Card>
  );
}

function BestSoFar({ study: { search, best_so_far } }: { study: Study }) {
  if (!search || best_so_far.length < 2) return null;
  return (
    <Card title="Best so far" aside="by the number of configurations that were chosen">
      <LazyChart
        label="Best validation accuracy by number of configurations"
        xLabel="Configurations"
        x={best_so_far.map(({ num_trials }) => num_trials)}
        series={[
          {
            label: "Best accuracy",
            color: 1,
            values: best_so_far.map(({ best_val_accuracy }) => best_val_accuracy),
          },
        ]}
        isShare
        format={(value) => percent(value)}
        height={220}
      />
    </Card>
  );
}

function Curves({ study }: { study: Study }) {
  const query = useQuery({
    queryKey: ["studies", study.id, "curves"],
    queryFn: () =>
      bodyOf(
        api.GET("/studies/{study_id}/curves", {
          params: { path: { study_id: study.id }, query: { limit: NUM_DRAWN, points: NUM_POINTS } },
        }),
      ),
  });
  return (
    <Card title="Validation accuracy" aside="mean over seeds, with its interval">
      <Loaded query={query} lines={6}>
        {(curves) => {
          const { x, series } = makeBands(curves.data);
          if (x.length === 0) {
            return <Empty title="No epoch has finished">Curves appear with the first one.</Empty>;
          }
          return (
            <LazyChart
              label="Mean validation accuracy of each configuration by epoch"
              xLabel="Epoch"
              x={x}
              series={series}
              isShare
              format={(value) => percent(value)}
              height={320}
            />
          );
        }}
      </Loaded>
    </Card>
  );
}

function Ranking({ study }: { study: Study }) {
  return (
    <Card title="Ranking" aside="by the mean of the best validation accuracy" flush>
      <Table<Ranked>
        caption="Configurations, best first"
        columns={[
          { key: "rank", header: "Rank", cell: ({ rank }) => rank ?? "–" },
          {
            key: "name",
            header: "Configuration",
            align: "left",
            cell: (row) => <Configuration row={row} />,
          },
          {
            key: "accuracy",
            header: "Accuracy",
            cell: ({ best_val_accuracy }) => percent(best_val_accuracy?.mean),
          },
          {
            key: "interval",
            header: "Interval",
            wide: true,
            cell: ({ best_val_accuracy: best }) =>
              percentInterval(best?.interval && [best.interval.low, best.interval.high]),
          },
          {
            key: "whisker",
            header: "0 – 100 %",
            wide: true,
            cell: ({ best_val_accuracy: best }) =>
              best?.interval && (
                <Whisker value={best.mean} interval={[best.interval.low, best.interval.high]} />
              ),
          },
          {
            key: "balanced",
            header: "Balanced",
            wide: true,
            cell: ({ best_val_balanced_accuracy }) => percent(best_val_balanced_accuracy),
          },
          { key: "runs", header: "Runs", cell: ({ runs }) => <Runs runs={runs} /> },
        ]}
        rows={study.ranking}
        rowKey={({ trial }) => trial}
        isMarked={({ rank }) => rank === 1}
      />
    </Card>
  );
}

function Importance({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ["studies", id, "importance"],
    queryFn: () =>
      bodyOf(api.GET("/studies/{study_id}/importance", { params: { path: { study_id: id } } })),
  });
  if (!query.data || query.data.data.length === 0) return null;
  return (
    <Card
      title="What matters"
      aside={`by ${plural(query.data.num_trials, "configuration")}; with few of them mostly chance`}
    >
      <Bars
        predictions={query.data.data.map(({ field, importance }) => ({
          label: field,
          probability: importance,
        }))}
      />
    </Card>
  );
}

function Configuration({ row }: { row: Ranked }) {
  const { name, is_tied_with_best, rank, origin, problem } = row;
  return (
    <>
      {name} {is_tied_with_best && rank !== 1 && <Chip>tied with the best</Chip>}{" "}
      {origin && <Chip>{ORIGINS[origin]}</Chip>}
      {problem && (
        <div className="muted small">
          Cannot be run: <Message text={problem} />
        </div>
      )}
    </>
  );
}

function Runs({ runs }: { runs: Ranked["runs"] }) {
  return (
    <>
      {runs.map(({ job_id, seed, best_val_accuracy, status }) => (
        <div key={job_id}>
          <Link href={`/jobs/${job_id}`} className="link" aria-label={`Job with seed ${seed}`}>
            seed{"\u00a0"}
            {seed}
          </Link>{" "}
          <span className="muted">
            {best_val_accuracy == null ? status : decimal(best_val_accuracy)}
          </span>
        </div>
      ))}
    </>
  );
}

function CancelButton({ study }: { study: Study }) {
  const [isOpen, setOpen] = useState(false);
  const denied = useDenial("jobs:write");
  return (
    <>
      <Button look="danger" denied={denied} onClick={() => setOpen(true)}>
        Cancel
      </Button>
      {isOpen && (
        <LazyConfirmDialog
          title={`Cancel the unfinished runs of ${study.name}`}
          action="Cancel the runs"
          onClose={() => setOpen(false)}
          onConfirm={async () => {
            await bodyOf(
              api.POST("/studies/{study_id}/cancel", { params: { path: { study_id: study.id } } }),
            );
            await queryClient.invalidateQueries({ queryKey: ["studies"] });
          }}
        >
          {plural(study.progress.queued + study.progress.running, "run")} will stop and register no
          model. Finished runs stay.
        </LazyConfirmDialog>
      )}
    </>
  );
}

function bestRuns(study: Study): string[] {
  return study.ranking.slice(0, NUM_DRAWN).flatMap(({ runs }) => (runs[0] ? [runs[0].job_id] : []));
}

function makeCall(id: string) {
  return {
    curl: `curl $GRAFT_URL/studies/${id}`,
    python: `from graft_client import Graft\n\nstudy = Graft().studies.get("${id}")\nstudy.ranking`,
    cli: `graft study ${id}`,
  };
}
