import type { ReactNode } from "react";
import { decimal, percent, percentInterval, plural } from "@/format";
import { Card } from "@/ui/Card";
import { type Fact, Facts } from "@/ui/Facts";
import { Stack } from "@/ui/Page";
import { Empty, Loaded } from "@/ui/States";
import { type Job, type Report, useReport } from "../queries";
import { joinList, splitList, useUrl } from "../url";
import { CellImages } from "./CellImages";
import { ClassTable } from "./ClassTable";
import { Confusion, MAX_GRID } from "./Confusion";
import { CoverageCard } from "./CoverageCard";
import type { Cell } from "./confusion";
import { figuresOf, type Split, weakestClass } from "./figures";
import { ReliabilityCard } from "./ReliabilityCard";
import styles from "./ReportTab.module.css";
import { SplitChoice } from "./SplitChoice";

/** How good the best epoch is, and on what it fails. */
export default function ReportTab({ job }: { job: Job }) {
  return <WithReport job={job}>{(report) => <ReportView job={job} report={report} />}</WithReport>;
}

/** Show the report of a job, or why there is none. */
export function WithReport({
  job,
  children,
}: {
  job: Job;
  children: (report: Report) => ReactNode;
}) {
  const query = useReport(job);
  if (job.status !== "succeeded") {
    return (
      <Card>
        <Empty title={job.is_terminal ? "There is no report" : "The report comes at the end"}>
          {job.is_terminal
            ? "Only a job that has succeeded has a report. Resume this job to finish it."
            : "It has the confusion matrix, the figures of each class, and the mistakes."}
        </Empty>
      </Card>
    );
  }
  return (
    <Loaded query={query} lines={8}>
      {children}
    </Loaded>
  );
}

function ReportView({ job, report }: { job: Job; report: Report }) {
  const { params, set } = useUrl();
  const split: Split = params.get("split") === "test" && report.test ? "test" : "val";
  const figures = figuresOf(report, split);
  const cell = readCell(params.get("cell"));
  const coverage = report.coverage_curve && <CoverageCard curve={report.coverage_curve} />;
  const isBelowMatrix = !cell && report.class_names.length <= MAX_SHORT_MATRIX;

  function open(next: Cell | null): void {
    set({ cell: next && joinList([next.label, next.predicted]) }, { push: true });
  }

  return (
    <Stack>
      {report.test && (
        <SplitChoice split={split} onChange={(next) => set({ split: next, cell: null })} />
      )}
      <Facts facts={listFacts(report, split)} />
      <div className={isWide(report) ? styles.single : styles.pair}>
        <Stack>
          <Confusion
            names={report.class_names}
            matrix={figures.confusion_matrix}
            cell={cell}
            onCell={open}
          />
          {isBelowMatrix && coverage}
        </Stack>
        {cell ? (
          <CellImages
            job={job}
            report={report}
            split={split}
            cell={cell}
            onClose={() => open(null)}
          />
        ) : (
          !isWide(report) && (
            <Stack>
              <ReliabilityCard calibration={report.calibration} />
              {!isBelowMatrix && coverage}
            </Stack>
          )
        )}
      </div>
      <ClassTable
        classes={figures.per_class}
        onClass={(name) => open({ label: name, predicted: name })}
      />
      {(cell || isWide(report)) && (
        <div className={styles.pair}>
          <ReliabilityCard calibration={report.calibration} />
          {coverage}
        </div>
      )}
    </Stack>
  );
}

/** Up to this many classes, the matrix leaves room below it, beside the reliability diagram. */
const MAX_SHORT_MATRIX = 6;

/** With this many classes, the cells of the matrix need the whole width. */
function isWide({ class_names: { length } }: Report): boolean {
  return length > 10 && length <= MAX_GRID;
}

function readCell(text: string | null): Cell | null {
  const [label, predicted] = splitList(text);
  return label !== undefined && predicted !== undefined ? { label, predicted } : null;
}

function listFacts(report: Report, split: Split): Fact[] {
  const figures = figuresOf(report, split);
  const weakest = weakestClass(figures.per_class);
  const held = report.cross_validation;
  const { error_before: before, error_after: after } = report.calibration;
  return [
    {
      label: "Accuracy",
      value: percent(figures.accuracy),
      note: `${percentInterval(figures.accuracy_interval)}, ${plural(figures.num_images, "image")}`,
    },
    ...(held && split === "val"
      ? [
          {
            label: "Cross-validated",
            value: percent(held.accuracy),
            note: `${percentInterval(held.accuracy_interval)}, solved head on ${plural(held.num_images, "training image")}`,
          },
        ]
      : []),
    {
      label: "Balanced accuracy",
      value: percent(figures.balanced_accuracy),
      note: "mean recall of the classes",
    },
    { label: "Macro F1", value: decimal(figures.macro_f1), note: "mean of the classes" },
    {
      label: "Calibration error",
      value: decimal(after ?? before),
      note: after === null ? "not calibrated" : `${decimal(before)} before calibration`,
    },
    {
      label: "Weakest class",
      value: <span title={weakest?.class_name}>{weakest?.class_name ?? "–"}</span>,
      note: weakest
        ? `recall ${percent(weakest.recall)}, ${plural(weakest.support, "image")}`
        : undefined,
    },
  ];
}
