import { Camera, ImageUp } from "lucide-react";
import type { Schemas } from "@/api/client";
import { UploadList } from "@/datasets/uploads/UploadList";
import { plural } from "@/format";
import { LinkButton } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { Columns, Page, Stack } from "@/ui/Page";
import { Loaded } from "@/ui/States";
import { AttentionCard } from "./AttentionCard";
import { LatestModels } from "./LatestModels";
import { Loop } from "./Loop";
import { useOverview } from "./queries";
import { RunningCard } from "./RunningCard";
import { Steps } from "./Steps";

type Overview = Schemas["Overview"];

/** What the service holds and does now, and what wants attention. */
export default function HomePage() {
  const query = useOverview();
  const isNew = query.data?.models.versions === 0;
  return (
    <Page
      title={isNew ? "Three steps to a model" : "Overview"}
      documentTitle="Home"
      subtitle={query.data && !isNew ? summarise(query.data) : undefined}
      actions={
        <>
          <Call call={overviewCall(location.origin)} />
          {query.data && !isNew && (
            <>
              <LinkButton href="/try" icon={<Camera aria-hidden />}>
                Try an image
              </LinkButton>
              <LinkButton look="primary" href="/datasets" icon={<ImageUp aria-hidden />}>
                New dataset
              </LinkButton>
            </>
          )}
        </>
      }
    >
      <Loaded query={query} lines={8}>
        {(overview) => <Content overview={overview} />}
      </Loaded>
    </Page>
  );
}

function Content({ overview }: { overview: Overview }) {
  const { attention, jobs, models, serving } = overview;
  const isNew = models.versions === 0;
  return (
    <>
      {isNew ? <Steps overview={overview} /> : <Loop overview={overview} />}
      {!isNew && <UploadList />}
      {(!isNew || jobs.total > 0 || attention.length > 0) && (
        <Columns>
          <Stack>
            <RunningCard numQueued={jobs.queued} />
            {!isNew && <LatestModels serving={serving} />}
          </Stack>
          <AttentionCard items={attention} />
        </Columns>
      )}
    </>
  );
}

function summarise({ datasets, models, jobs }: Overview): string {
  return [
    plural(datasets.total, "dataset"),
    plural(models.total, "model"),
    jobs.running > 0 ? `${plural(jobs.running, "job")} running` : "no job running",
  ].join(" · ");
}

function overviewCall(origin: string) {
  return {
    curl: `curl ${origin}/overview`,
    python: `from graft_client import Graft

graft = Graft("${origin}")
overview = graft.overview()
for item in overview.attention:
    print(item.title, item.detail)`,
    cli: "graft jobs\ngraft models",
  };
}
