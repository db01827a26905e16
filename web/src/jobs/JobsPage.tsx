import { Plus } from "lucide-react";
import { useCallback } from "react";
import { useDenial } from "@/access/permissions";
import { count } from "@/format";
import { Button, LinkButton } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { Card } from "@/ui/Card";
import { Page } from "@/ui/Page";
import { Empty, Failure, Skeleton } from "@/ui/States";
import { callOfList } from "./calls";
import { JobFilterBar } from "./list/JobFilterBar";
import { JobList } from "./list/JobList";
import { type JobFilters, useJobs } from "./list/queries";
import type { JobStatus } from "./queries";
import { joinList, splitList, useUrl } from "./url";

const MAX_CHOSEN = 12;

/** The list of training jobs. */
export default function JobsPage() {
  const { params, set } = useUrl();
  const denied = useDenial("jobs:write");
  const filters: JobFilters = {
    status: splitList(params.get("status")) as JobStatus[],
    q: params.get("q") ?? "",
    datasetId: params.get("dataset"),
  };
  const chosen = splitList(params.get("chosen"));
  const { newest, jobs, hasMore, moreError, fetchMore } = useJobs(filters);
  const isFiltered = filters.status.length > 0 || filters.q !== "" || filters.datasetId !== null;
  const onEnd = useCallback(() => void fetchMore(), [fetchMore]);

  function choose(id: string, isChosen: boolean): void {
    const others = chosen.filter((one) => one !== id);
    set({ chosen: joinList(isChosen ? [...others, id] : others) });
  }

  return (
    <Page
      title="Jobs"
      documentTitle="Jobs"
      subtitle="Each job trains one model. Choose two or more to compare them."
      actions={
        <>
          <Call call={callOfList(filters)} />
          {chosen.length === 0 && (
            <LinkButton href="/compare" look="quiet">
              Studies
            </LinkButton>
          )}
          {chosen.length > 0 && (
            <Button look="quiet" onClick={() => set({ chosen: null })}>
              Choose none
            </Button>
          )}
          {chosen.length > 1 && chosen.length <= MAX_CHOSEN && (
            <LinkButton href={`/compare?jobs=${chosen.join(",")}`}>
              {`Compare ${count(chosen.length)}`}
            </LinkButton>
          )}
          <LinkButton href="/jobs/new" look="primary" icon={<Plus aria-hidden />} denied={denied}>
            New job
          </LinkButton>
        </>
      }
    >
      <JobFilterBar
        filters={filters}
        onStatus={(status) => set({ status: joinList(status) })}
        onText={(q) => set({ q })}
        onDataset={(dataset) => set({ dataset })}
      />
      {chosen.length > MAX_CHOSEN && (
        <p className="muted small" role="status">
          {`${count(chosen.length)} jobs are chosen; at most ${MAX_CHOSEN} can be compared.`}
        </p>
      )}
      <Card flush>
        {newest.isError ? (
          <Failure error={newest.error} onRetry={() => void newest.refetch()} />
        ) : newest.isPending ? (
          <Skeleton lines={8} label="Loading the jobs" />
        ) : jobs.length === 0 ? (
          <NoJobs
            isFiltered={isFiltered}
            onClear={() => set({ status: null, q: null, dataset: null })}
          />
        ) : (
          <JobList jobs={jobs} hasMore={hasMore} chosen={chosen} onChoose={choose} onEnd={onEnd} />
        )}
        {moreError && <Failure error={moreError} onRetry={() => void fetchMore()} />}
      </Card>
    </Page>
  );
}

function NoJobs({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  const denied = useDenial("jobs:write");
  if (isFiltered) {
    return (
      <Empty title="No job matches" action={<Button onClick={onClear}>Clear the filters</Button>}>
        No job has this status, name and dataset. Clear the filters to see all jobs.
      </Empty>
    );
  }
  return (
    <Empty
      title="No job yet"
      action={
        <LinkButton href="/jobs/new" look="primary" denied={denied}>
          Train a model
        </LinkButton>
      }
    >
      A job trains a model on a dataset, and keeps its best epoch. It goes on after a restart of the
      service, and it shows here what it is doing.
    </Empty>
  );
}
