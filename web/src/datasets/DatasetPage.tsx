import { Trash2 } from "lucide-react";
import { Suspense, useState } from "react";
import { useParams, useSearchParams } from "wouter";
import { useDenial } from "@/access/permissions";
import { bytes, count, plural } from "@/format";
import { Button, LinkButton } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { StatusChip } from "@/ui/Chip";
import { lazy } from "@/ui/lazy";
import { Columns, Page, Stack } from "@/ui/Page";
import { Loaded } from "@/ui/States";
import { Tabs } from "@/ui/Tabs";
import { Time } from "@/ui/Time";
import { AdviceTab } from "./advice/AdviceTab";
import { ClassBars } from "./ClassBars";
import { datasetCall } from "./calls";
import { DatasetCallouts } from "./DatasetCallouts";
import { DatasetJobs } from "./DatasetJobs";
import { FindingsCard } from "./findings/FindingsCard";
import { FindingsTab } from "./findings/FindingsTab";
import { IngestionProgress, InvalidCallout } from "./IngestionReport";
import { ImagesTab } from "./images/ImagesTab";
import { datasetPath, trainPath } from "./links";
import { type Dataset, useDataset } from "./queries";
import { numFindings, numImages } from "./summary";

const DeleteDataset = lazy(() => import("./DeleteDataset"));

const CRUMBS = [{ label: "Datasets", href: "/datasets" }];

/** A dataset: its classes, images and findings, advice, and the jobs on it. */
export default function DatasetPage() {
  const { id = "" } = useParams<{ id: string }>();
  const query = useDataset(id);
  if (!query.data) {
    return (
      <Page title="Dataset" documentTitle="Dataset" crumbs={CRUMBS}>
        <Loaded query={query} lines={8}>
          {() => null}
        </Loaded>
      </Page>
    );
  }
  return <LoadedDataset dataset={query.data} />;
}

function LoadedDataset({ dataset }: { dataset: Dataset }) {
  const [isDeleting, setDeleting] = useState(false);
  const denied = useDenial("datasets:write");
  const trainDenied = useDenial("jobs:write");
  const { id, name, status } = dataset;
  return (
    <Page
      title={
        <>
          {name} <StatusChip status={status} />
        </>
      }
      documentTitle={name}
      crumbs={CRUMBS}
      subtitle={<Subtitle dataset={dataset} />}
      actions={
        <>
          <Call call={datasetCall(location.origin, id)} />
          <Button
            look="danger"
            icon={<Trash2 aria-hidden />}
            denied={denied}
            onClick={() => setDeleting(true)}
          >
            Delete
          </Button>
          {status === "ready" && (
            <LinkButton look="primary" href={trainPath(id)} denied={trainDenied}>
              Train on this dataset
            </LinkButton>
          )}
        </>
      }
    >
      {status === "ingesting" && <IngestionProgress dataset={dataset} />}
      {status === "invalid" && (
        <Stack>
          <InvalidCallout dataset={dataset} />
          <div>
            <LinkButton href="/datasets">Upload it again</LinkButton>
          </div>
        </Stack>
      )}
      {status === "ready" && <ReadyDataset dataset={dataset} />}
      {isDeleting && (
        <Suspense>
          <DeleteDataset dataset={dataset} onClose={() => setDeleting(false)} />
        </Suspense>
      )}
    </Page>
  );
}

function Subtitle({ dataset }: { dataset: Dataset }) {
  const { status, class_names, num_bytes, created_at } = dataset;
  return (
    <>
      {status === "ready" &&
        `${plural(numImages(dataset), "image")} · ${plural(class_names.length, "class", "classes")} · `}
      {bytes(num_bytes)} · uploaded <Time at={created_at} />
    </>
  );
}

const TABS = ["images", "findings", "advice", "jobs"] as const;

function ReadyDataset({ dataset }: { dataset: Dataset }) {
  const [params] = useSearchParams();
  const current = TABS.find((tab) => tab === params.get("tab")) ?? "images";
  const path = datasetPath(dataset.id);
  return (
    <>
      <DatasetCallouts dataset={dataset} />
      <Stack>
        <Tabs
          label="Dataset"
          current={current}
          tabs={[
            { id: "images", label: "Images", count: count(numImages(dataset)), href: path },
            {
              id: "findings",
              label: "Findings",
              count: count(numFindings(dataset)),
              href: `${path}?tab=findings`,
            },
            { id: "advice", label: "Advice", href: `${path}?tab=advice` },
            { id: "jobs", label: "Jobs", href: `${path}?tab=jobs` },
          ]}
        />
        {current === "images" && (
          <>
            <Columns>
              <ClassBars dataset={dataset} />
              <FindingsCard dataset={dataset} />
            </Columns>
            <ImagesTab dataset={dataset} />
          </>
        )}
        {current === "findings" && <FindingsTab dataset={dataset} />}
        {current === "advice" && <AdviceTab dataset={dataset} />}
        {current === "jobs" && <DatasetJobs id={dataset.id} />}
      </Stack>
    </>
  );
}
