import { Link } from "wouter";
import { percent } from "@/format";
import { LinkButton } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { StatusChip } from "@/ui/Chip";
import { More } from "@/ui/More";
import { Empty, Failure, Skeleton } from "@/ui/States";
import { type Column, Table } from "@/ui/Table";
import { Time } from "@/ui/Time";
import { strategyText } from "./advice/strategies";
import styles from "./DatasetList.module.css";
import { trainPath } from "./links";
import { itemsOf, useDatasetJobs } from "./queries";

type Job = ReturnType<typeof itemsOf<DatasetJob>>[number];
type DatasetJob = NonNullable<
  ReturnType<typeof useDatasetJobs>["data"]
>["pages"][number]["data"][number];

const COLUMNS: readonly Column<Job>[] = [
  {
    key: "name",
    header: "Job",
    cell: ({ id, config }) => (
      <Link href={`/jobs/${id}`} className={styles.name} title={config.model_name}>
        {config.model_name}
      </Link>
    ),
  },
  {
    key: "status",
    header: "Status",
    align: "left",
    cell: ({ status }) => <StatusChip status={status} />,
  },
  {
    key: "architecture",
    header: "Architecture",
    wide: true,
    cell: ({ config }) => config.architecture,
  },
  {
    key: "strategy",
    header: "Trains",
    wide: true,
    cell: ({ config }) => strategyText(config.strategy),
  },
  { key: "accuracy", header: "Accuracy", cell: ({ best }) => percent(best?.val_accuracy) },
  {
    key: "created",
    header: "Started",
    wide: true,
    cell: ({ created_at }) => <Time at={created_at} />,
  },
];

/** The jobs that were trained on a dataset. */
export function DatasetJobs({ id }: { id: string }) {
  const query = useDatasetJobs(id);
  const rows = itemsOf(query);
  if (query.isPending) return <Skeleton lines={4} label="Loading the jobs" />;
  if (query.isError && rows.length === 0) {
    return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (rows.length === 0) {
    return (
      <Empty
        title="No job was trained on it"
        action={
          <LinkButton look="primary" href={trainPath(id)}>
            Train on this dataset
          </LinkButton>
        }
      >
        A job trains a network on these images and registers the best one as a model. The advice
        says how to begin.
      </Empty>
    );
  }
  return (
    <Card flush>
      <Table
        caption="Jobs on this dataset"
        columns={COLUMNS}
        rows={rows}
        rowKey={({ id: key }) => key}
      />
      <More query={query} />
    </Card>
  );
}
