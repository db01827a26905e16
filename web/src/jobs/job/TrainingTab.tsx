import { count, decimal, loss, percent, percentInterval, short } from "@/format";
import { Card } from "@/ui/Card";
import { type Fact, Facts } from "@/ui/Facts";
import { Checkbox } from "@/ui/Field";
import { LazyChart } from "@/ui/LazyChart";
import { Stack } from "@/ui/Page";
import { Empty, Loaded } from "@/ui/States";
import { type Job, type Report, useHistory, useReport } from "../queries";
import { useUrl } from "../url";
import { l2Strengths, parameters } from "../words";
import { type Curves, makeCurves } from "./curves";
import { EpochTable } from "./EpochTable";
import { PortfolioCard } from "./PortfolioCard";
import styles from "./TrainingTab.module.css";

/** The curves and the table of a job's epochs, or of the L2 strengths of a solved head. */
export function TrainingTab({ job }: { job: Job }) {
  const history = useHistory(job);
  const report = useReport(job);
  const strengths = l2Strengths(job);
  return (
    <Stack>
      {(job.best || job.resolved) && <Facts facts={listFacts(job, report.data)} />}
      {job.config.time_budget_seconds && <PortfolioCard job={job} />}
      <Loaded query={history} lines={8}>
        {(data) =>
          data.data.length === 0 ? (
            <Card>
              <Empty title={job.is_terminal ? "No epoch has ended" : "No epoch has ended yet"}>
                {job.is_terminal
                  ? "The job ended before its first epoch, so there are no curves."
                  : "The curves begin with the first epoch. Until then, the bar above shows what the worker does."}
              </Empty>
            </Card>
          ) : (
            <>
              <CurveCards curves={makeCurves(data.data, strengths)} isSolved={strengths !== null} />
              <EpochTable job={job} history={data} strengths={strengths} />
            </>
          )
        }
      </Loaded>
    </Stack>
  );
}

function listFacts(job: Job, report: Report | undefined): Fact[] {
  const { best, resolved } = job;
  const start = resolved?.head_start;
  const balance = resolved?.class_balance;
  const strengths = l2Strengths(job);
  const at =
    best &&
    (strengths
      ? `L2 strength ${short(strengths[best.epoch - 1])}`
      : best.epoch === 0
        ? "the solved head, before the first epoch"
        : `epoch ${count(best.epoch)}`);
  const interval = report ? percentInterval(report.accuracy_interval) : null;
  const balanced =
    best?.val_balanced_accuracy != null && `balanced ${percent(best.val_balanced_accuracy)}`;
  const device = job.environment?.device_name ?? resolved?.device;
  return [
    {
      label: "Best validation accuracy",
      value: percent(best?.val_accuracy),
      note: [interval, balanced, at].filter(Boolean).join(", ") || "no epoch has ended yet",
    },
    {
      label: "Validation loss there",
      value: decimal(best?.val_loss),
      note: "mean cross-entropy of an image",
    },
    ...(start
      ? [
          {
            label: "Solved head, before any step",
            value: percent(start.val_accuracy ?? start.cv_accuracy),
            note: "what training has to beat",
          },
        ]
      : []),
    ...(balance?.with_weights && balance.without_weights
      ? [
          {
            label:
              balance.chosen === "loss" ? "Rare classes weigh more" : "All images weigh the same",
            value: percent(
              (balance.chosen === "loss" ? balance.with_weights : balance.without_weights)
                .cv_balanced_accuracy,
            ),
            note: `balanced accuracy in cross-validation; ${percent(balance.without_weights.cv_balanced_accuracy)} without weights, plain accuracy ${percent(balance.without_weights.cv_accuracy)} without and ${percent(balance.with_weights.cv_accuracy)} with`,
          },
        ]
      : []),
    {
      label: "Parameters that are trained",
      value: parameters(resolved?.num_trainable_parameters),
      note: resolved?.num_parameters ? `of ${parameters(resolved.num_parameters)}` : undefined,
    },
    {
      label: "Device",
      value: resolved?.device ? resolved.device.toUpperCase() : "–",
      note: [
        typeof device === "string" && device !== resolved?.device ? device : "",
        resolved?.precision,
        resolved?.frozen_engine === "openvino" ? "frozen layers in OpenVINO" : "",
      ]
        .filter(Boolean)
        .join(", "),
    },
  ];
}

function CurveCards({ curves, isSolved }: { curves: Curves; isSolved: boolean }) {
  const { params, set } = useUrl();
  const isLog = params.get("log") === "1";
  const xLabel = isSolved ? "L2 strength" : "Epoch";
  const common = { x: curves.x, xLabel, isXLog: isSolved, mark: curves.best };
  const last = curves.x.length - 1;
  return (
    <div className={styles.charts}>
      <Card title="Accuracy">
        <LazyChart
          {...common}
          label={`Accuracy by ${xLabel.toLowerCase()}; the newest validation accuracy is ${percent(curves.valAccuracy[last])}.`}
          isShare
          format={(value) => percent(value)}
          series={[
            { label: "validation", values: curves.valAccuracy, color: 1 },
            { label: "training", values: curves.trainAccuracy, color: 2, dashed: true },
          ]}
        />
      </Card>
      <Card
        title="Loss"
        aside={
          <Checkbox
            checked={isLog}
            onChange={(event) => set({ log: event.target.checked ? "1" : null })}
          >
            Log scale
          </Checkbox>
        }
      >
        <LazyChart
          {...common}
          label={`Loss by ${xLabel.toLowerCase()}; the newest validation loss is ${decimal(curves.valLoss[last])}.`}
          format={loss}
          isLog={isLog}
          series={[
            { label: "validation", values: curves.valLoss, color: 1 },
            { label: "training", values: curves.trainLoss, color: 2, dashed: true },
          ]}
        />
      </Card>
    </div>
  );
}
