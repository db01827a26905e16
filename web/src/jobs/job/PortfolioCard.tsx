import type { Schemas } from "@/api/client";
import { duration, percent, percentInterval, plural } from "@/format";
import { Card } from "@/ui/Card";
import { Loaded } from "@/ui/States";
import { type Column, Table } from "@/ui/Table";
import { type Job, usePortfolio } from "../queries";
import styles from "./PortfolioCard.module.css";
import { PortfolioDrawing } from "./PortfolioDrawing";
import { listTrials, makeDrawing, type Portfolio } from "./portfolio";

type Candidate = Schemas["PortfolioCandidate"];

/** What a job with a time budget tried, what it expected and why it stopped. */
export function PortfolioCard({ job }: { job: Job }) {
  const query = usePortfolio(job);
  return (
    <Loaded query={query} lines={6}>
      {(portfolio) => <View portfolio={portfolio} />}
    </Loaded>
  );
}

function View({ portfolio }: { portfolio: Portfolio }) {
  const { used_seconds: used, time_budget_seconds: budget } = portfolio;
  return (
    <Card
      title="Search within the time budget"
      aside={
        <span>
          {duration(used)} of {duration(budget)} used
        </span>
      }
      flush
    >
      <div className={styles.body}>
        <p className={styles.sentence}>{portfolio.explanation || describeSearch(portfolio)}</p>
        <PortfolioDrawing drawing={makeDrawing(portfolio)} />
      </div>
      {portfolio.candidates.length > 0 && (
        <Table
          caption="Candidates in the order in which they were considered"
          columns={COLUMNS}
          rows={portfolio.candidates}
          rowKey={(row) => row.architecture}
          isMarked={(row) => row.architecture === portfolio.chosen}
        />
      )}
      <Further portfolio={portfolio} />
    </Card>
  );
}

const COLUMNS: Column<Candidate>[] = [
  { key: "architecture", header: "Backbone", cell: (row) => row.architecture },
  {
    key: "accuracy",
    header: "Accuracy",
    cell: (row) =>
      row.accuracy ? (
        <>
          {percent(row.accuracy.value)}
          <span className={`muted small ${styles.interval}`}>
            {percentInterval([row.accuracy.low, row.accuracy.high])}
          </span>
        </>
      ) : (
        "–"
      ),
  },
  {
    key: "expected",
    header: "Expected accuracy",
    cell: (row) => percent(row.expected_accuracy),
    wide: true,
  },
  {
    key: "took",
    header: "Took",
    cell: (row) => <span className={styles.seconds}>{duration(row.used_seconds)}</span>,
  },
  {
    key: "expected_time",
    header: "Expected time",
    cell: (row) => duration(row.expected_seconds),
    wide: true,
  },
  {
    key: "reason",
    header: "Result",
    align: "left",
    wide: true,
    cell: (row) => (row.state === "running" ? "runs now" : `${row.state}: ${row.reason}`),
  },
];

/** The learning curve, the trials and what follows from them, in sentences. */
function Further({ portfolio }: { portfolio: Portfolio }) {
  const { learning_curve: curve, num_without_weights: without } = portfolio;
  const trials = listTrials(portfolio);
  const expected = portfolio.expected_accuracy;
  if (curve.length === 0 && trials.length === 0 && !expected && without === 0) return null;
  return (
    <ul className={styles.further}>
      {curve.length > 0 && (
        <li>
          Learning curve of the head on {portfolio.chosen}:{" "}
          {curve
            .map((one) => `${percent(one.accuracy.value)} with ${plural(one.num_images, "image")}`)
            .join(", ")}
          .
        </li>
      )}
      {trials.map((trial) => (
        <li key={trial.started_at_seconds}>
          Trial of fine-tuning{trial.architecture && ` ${trial.architecture}`},{" "}
          {plural(trial.epochs, "epoch")} on {plural(trial.num_train_images, "image")}:{" "}
          {percent(trial.head_accuracy)} → {percent(trial.accuracy)} on{" "}
          {plural(trial.num_held_out_images, "held-out training image")}, in{" "}
          {duration(trial.used_seconds)}.
        </li>
      ))}
      {expected && (
        <li>
          Expected accuracy of the model: {percent(expected.value)} (
          {percentInterval([expected.low, expected.high])}).
        </li>
      )}
      {without > 0 && (
        <li>
          {plural(without, "architecture")} {without === 1 ? "was" : "were"} not considered, because
          there are no weights.
        </li>
      )}
    </ul>
  );
}

function describeSearch({ candidates }: Portfolio): string {
  const running = candidates.find(({ state }) => state === "running");
  if (running) return `${running.architecture} is being tried.`;
  if (candidates.length > 0) return "The best candidate is being examined.";
  return "The search has not begun yet.";
}
