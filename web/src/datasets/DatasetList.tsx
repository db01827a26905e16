import { Link } from "wouter";
import { bytes, count } from "@/format";
import { Card } from "@/ui/Card";
import { Chip, StatusChip } from "@/ui/Chip";
import { More } from "@/ui/More";
import { Empty, Failure, Skeleton } from "@/ui/States";
import { type Column, Table } from "@/ui/Table";
import { Time } from "@/ui/Time";
import styles from "./DatasetList.module.css";
import { stageShare } from "./ingestion";
import { datasetPath } from "./links";
import { type Dataset, itemsOf, type useDatasets } from "./queries";
import { numFindings, numImages } from "./summary";

const COLUMNS: readonly Column<Dataset>[] = [
  {
    key: "name",
    header: "Name",
    cell: ({ id, name }) => (
      <Link href={datasetPath(id)} className={styles.name} title={name}>
        {name}
      </Link>
    ),
  },
  {
    key: "status",
    header: "Status",
    align: "left",
    cell: (dataset) => <Status dataset={dataset} />,
  },
  {
    key: "images",
    header: "Images",
    cell: (dataset) => (dataset.status === "ready" ? count(numImages(dataset)) : "–"),
  },
  {
    key: "classes",
    header: "Classes",
    wide: true,
    cell: ({ status, class_names }) => (status === "ready" ? count(class_names.length) : "–"),
  },
  {
    key: "findings",
    header: "To look at",
    wide: true,
    cell: (dataset) => <Findings dataset={dataset} />,
  },
  { key: "size", header: "Size", wide: true, cell: ({ num_bytes }) => bytes(num_bytes) },
  {
    key: "created",
    header: "Uploaded",
    wide: true,
    cell: ({ created_at }) => <Time at={created_at} />,
  },
];

/** The datasets, newest first. */
export function DatasetList({
  query,
  isFiltered,
}: {
  query: ReturnType<typeof useDatasets>;
  isFiltered: boolean;
}) {
  const rows = itemsOf(query);
  if (query.isPending) return <Skeleton lines={6} label="Loading the datasets" />;
  if (query.isError && rows.length === 0) {
    return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (rows.length === 0 && isFiltered) {
    return <Empty title="No dataset matches">Change the filter to see other datasets.</Empty>;
  }
  return (
    <Card flush>
      <Table caption="Datasets" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} />
      <More query={query} />
    </Card>
  );
}

function Status({ dataset }: { dataset: Dataset }) {
  const share = dataset.status === "ingesting" ? stageShare(dataset.progress) : null;
  return (
    <span className={styles.status}>
      <StatusChip status={dataset.status} />
      {share !== null && <span className="small muted">{Math.floor(share * 100)} %</span>}
    </span>
  );
}

function Findings({ dataset }: { dataset: Dataset }) {
  const number = numFindings(dataset);
  if (dataset.status !== "ready" || number === 0) return "–";
  return <Chip tone={dataset.report.counts.leaked > 0 ? "bad" : "warn"}>{count(number)}</Chip>;
}
