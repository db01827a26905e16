import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { count, decimal, duration, percent, short } from "@/format";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import type { Column } from "@/ui/Table";
import { VirtualTable } from "@/ui/VirtualTable";
import { type Job, useAllEpochs } from "../queries";
import { useUrl } from "../url";

type Row = Schemas["EpochRow"];

/** The metrics of each epoch, newest first; of a long job, first those of its curves. */
export function EpochTable({
  job,
  history,
  strengths,
}: {
  job: Job;
  history: Schemas["History"];
  strengths: readonly number[] | null;
}) {
  const { params, set } = useUrl();
  const numEpochs = history.num_epochs ?? history.data.length;
  const isThinned = numEpochs > history.data.length;
  const isAll = isThinned && params.get("epochs") === "all";
  const all = useAllEpochs(job, isAll);
  const shown = (isAll ? all.data?.data : undefined) ?? history.data;
  const rows = useMemo(() => (strengths ? shown : shown.toReversed()), [shown, strengths]);
  return (
    <Card
      title={strengths ? "L2 strengths" : "Epochs"}
      aside={
        <>
          {isThinned && (
            <span>
              {count(shown.length)} of {count(numEpochs)}
            </span>
          )}
          {isThinned && !isAll && (
            <Button look="quiet" onClick={() => set({ epochs: "all" })}>
              Show all
            </Button>
          )}
          <a
            className="link"
            href={`/jobs/${job.id}/history?format=csv`}
            download={`${job.id}.csv`}
          >
            CSV
          </a>
        </>
      }
      flush
    >
      <VirtualTable
        caption={strengths ? "Metrics of each L2 strength" : "Metrics of each epoch, newest first"}
        columns={listColumns(strengths)}
        rows={rows}
        rowKey={(row) => row.epoch}
        isMarked={(row) => row.is_best}
      />
    </Card>
  );
}

function listColumns(strengths: readonly number[] | null): Column<Row>[] {
  return [
    {
      key: "epoch",
      header: strengths ? "L2 strength" : "Epoch",
      cell: (row) => (
        <>
          {strengths ? short(strengths[row.epoch - 1]) : count(row.epoch)}
          {row.is_best && <span className="muted small"> best</span>}
        </>
      ),
    },
    {
      key: "train_loss",
      header: "Training loss",
      cell: (row) => decimal(row.train_loss),
      wide: true,
    },
    { key: "val_loss", header: "Validation loss", cell: (row) => decimal(row.val_loss) },
    { key: "train_accuracy", header: "Training", cell: (row) => percent(row.train_accuracy) },
    { key: "val_accuracy", header: "Validation", cell: (row) => percent(row.val_accuracy) },
    {
      key: "val_balanced_accuracy",
      header: "Balanced",
      cell: (row) => percent(row.val_balanced_accuracy),
      wide: true,
    },
    ...(strengths
      ? []
      : [
          {
            key: "learning_rate",
            header: "Learning rate",
            cell: (row: Row) => short(row.learning_rate),
            wide: true,
          },
        ]),
    { key: "seconds", header: "Time", cell: (row) => duration(row.seconds), wide: true },
  ];
}
