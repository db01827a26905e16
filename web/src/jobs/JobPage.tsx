import { type ComponentType, Suspense } from "react";
import { useParams } from "wouter";
import { Callout } from "@/ui/Card";
import { StatusChip } from "@/ui/Chip";
import { lazy } from "@/ui/lazy";
import { Page } from "@/ui/Page";
import { Loaded, Skeleton } from "@/ui/States";
import { type Tab, Tabs } from "@/ui/Tabs";
import { JobActions } from "./job/JobActions";
import { JobState } from "./job/JobState";
import { JobSummary } from "./job/JobSummary";
import { TrainingTab } from "./job/TrainingTab";
import { type Job, type Report, useJob, useReport } from "./queries";
import { countMistakes } from "./report/confusion";
import { useUrl } from "./url";

interface TabProps {
  job: Job;
}

const TABS: Record<string, { label: string; view: ComponentType<TabProps> }> = {
  training: { label: "Training", view: TrainingTab },
  report: { label: "Report", view: lazy(() => import("./report/ReportTab")) },
  mistakes: { label: "Mistakes", view: lazy(() => import("./report/MistakesTab")) },
  labels: { label: "Label check", view: lazy(() => import("./report/LabelCheckTab")) },
  recipe: { label: "Recipe", view: lazy(() => import("./job/RecipeTab")) },
  environment: { label: "Environment", view: lazy(() => import("./job/EnvironmentTab")) },
  events: { label: "Events", view: lazy(() => import("./job/EventsTab")) },
};

/** A training job: its progress, curves, report, recipe and events. */
export default function JobPage() {
  const { id = "" } = useParams();
  const query = useJob(id);
  if (!query.data) {
    return (
      <Page title={id} documentTitle={id} crumbs={[{ label: "Jobs", href: "/jobs" }]}>
        <Loaded query={query} lines={8}>
          {() => null}
        </Loaded>
      </Page>
    );
  }
  return <JobView job={query.data} />;
}

function JobView({ job }: TabProps) {
  const { params } = useUrl();
  const report = useReport(job);
  const wanted = params.get("tab") ?? "training";
  const current = wanted in TABS ? wanted : "training";
  const View = TABS[current]?.view ?? TrainingTab;
  const name = job.config.model_name;
  const warning = report.data?.cross_validation?.warning;
  return (
    <Page
      title={
        <>
          {name}
          <StatusChip status={job.status} />
        </>
      }
      documentTitle={name}
      crumbs={[{ label: "Jobs", href: "/jobs" }]}
      subtitle={<JobSummary job={job} />}
      actions={<JobActions job={job} />}
    >
      <JobState job={job} />
      {warning && (
        <Callout tone="warn" title="The splits differ.">
          {warning}
        </Callout>
      )}
      <Tabs label="Parts of the job" tabs={listTabs(job, report.data)} current={current} />
      <Suspense fallback={<Skeleton lines={6} label="Loading this part" />}>
        <View job={job} />
      </Suspense>
    </Page>
  );
}

function listTabs(job: Job, report: Report | undefined): Tab[] {
  const counts: Record<string, number | undefined> = {
    mistakes: report && countMistakes(report.confusion_matrix),
    labels: report?.label_check.num_suspects,
  };
  return Object.entries(TABS).map(([id, { label }]) => ({
    id,
    label,
    count: counts[id],
    href: id === "training" ? `/jobs/${job.id}` : `/jobs/${job.id}?tab=${id}`,
  }));
}
