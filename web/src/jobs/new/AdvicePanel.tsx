import { Link } from "wouter";
import { asServiceError } from "@/api/problem";
import { duration, percent, percentInterval, plural } from "@/format";
import { Button } from "@/ui/Button";
import { Callout } from "@/ui/Card";
import { useDataset } from "../queries";
import { STRATEGY_NAMES } from "../words";
import styles from "./AdvicePanel.module.css";
import { type JobForm, STRATEGIES } from "./form";
import type { useAdvice } from "./queries";

/** The advice on a dataset with its reason, and what is wrong with the dataset. */
export function AdvicePanel({
  form,
  advice,
  isWanted,
  onAsk,
  onUse,
}: {
  form: JobForm;
  advice: ReturnType<typeof useAdvice>;
  isWanted: boolean;
  onAsk: () => void;
  onUse: (changes: Partial<JobForm>) => void;
}) {
  return (
    <>
      <DatasetWarnings id={form.datasetId} />
      <Advice form={form} advice={advice} isWanted={isWanted} onAsk={onAsk} onUse={onUse} />
    </>
  );
}

function Advice({
  form,
  advice: query,
  isWanted,
  onAsk,
  onUse,
}: Parameters<typeof AdvicePanel>[0]) {
  if (!isWanted) {
    return (
      <Callout title="Not sure which strategy?">
        The service can measure which one suits this dataset. It needs the pretrained weights.{" "}
        <Button onClick={onAsk}>Get advice</Button>
      </Callout>
    );
  }
  if (query.isError) {
    return <Callout title="There is no advice.">{asServiceError(query.error).message}</Callout>;
  }
  const advice = query.data;
  if (!advice) {
    return (
      <Callout title="Measuring for advice…">
        A worker compares the features of two layers on your images. This takes up to a minute.
      </Callout>
    );
  }
  const { strategy, trainable_from: from, expected_accuracy: expected } = advice;
  const name = STRATEGY_NAMES[strategy];
  const isUsed =
    form.strategy === strategy && (strategy !== "partial" || form.trainableFrom === from);
  const known = STRATEGIES.find((one) => one === strategy);
  return (
    <Callout title={`Advice: ${name.toLowerCase()}${from ? ` from ${from}` : ""}.`}>
      {advice.reason} Expect at least {percent(expected.value)} (
      {percentInterval([expected.low, expected.high])}) in about{" "}
      {duration(Math.max(1, advice.expected_seconds))}.
      {!isUsed && known && (
        <div className={styles.use}>
          <Button onClick={() => onUse({ strategy: known, trainableFrom: from })}>
            {`Use ${name.toLowerCase()}`}
          </Button>
        </div>
      )}
    </Callout>
  );
}

function DatasetWarnings({ id }: { id: string }) {
  const { data } = useDataset(id || null);
  if (!data) return null;
  const { leaked, near_leaked: near, suspect_labels: suspects } = data.report.counts;
  return (
    <>
      {data.status === "ingesting" && (
        <Callout title="The dataset is still being checked.">
          The job starts as soon as it is ready.
        </Callout>
      )}
      {leaked + near > 0 && (
        <Callout
          tone="warn"
          title={`${plural(leaked + near, "image")} ${leaked + near === 1 ? "is" : "are"} in two splits.`}
        >
          The measured accuracy will be too high.{" "}
          <Link
            className="link"
            href={`/datasets/${id}?finding=${leaked > 0 ? "leaked" : "near_leaked"}`}
          >
            Show them
          </Link>
        </Callout>
      )}
      {suspects > 0 && (
        <Callout
          tone="warn"
          title={`${plural(suspects, "label")} ${suspects === 1 ? "is" : "are"} probably wrong.`}
        >
          An earlier job found them.{" "}
          <Link className="link" href={`/datasets/${id}?finding=suspect_label`}>
            Show them
          </Link>
        </Callout>
      )}
    </>
  );
}
