import { asServiceError } from "@/api/problem";
import { count, plural } from "@/format";
import { Button } from "@/ui/Button";
import { Callout, Card } from "@/ui/Card";
import { SelectField } from "@/ui/Field";
import { Stack } from "@/ui/Page";
import { Empty, Skeleton } from "@/ui/States";
import type { Job, Report } from "../queries";
import { useUrl } from "../url";
import { countMistakes } from "./confusion";
import { figuresOf, type Split } from "./figures";
import styles from "./MistakesTab.module.css";
import { PredictionGrid } from "./PredictionGrid";
import { usePredictions } from "./queries";
import { WithReport } from "./ReportTab";
import { SplitChoice } from "./SplitChoice";

/** The mistakes of the best epoch, the surest first. */
export default function MistakesTab({ job }: { job: Job }) {
  return <WithReport job={job}>{(report) => <Mistakes job={job} report={report} />}</WithReport>;
}

function Mistakes({ job, report }: { job: Job; report: Report }) {
  const { params, set } = useUrl();
  const split: Split = params.get("split") === "test" && report.test ? "test" : "val";
  const label = params.get("label") ?? undefined;
  const predicted = params.get("predicted") ?? undefined;
  const query = usePredictions(job, { split, label, predicted, isCorrect: false });
  const numAll = countMistakes(figuresOf(report, split).confusion_matrix);
  const isFiltered = label !== undefined || predicted !== undefined;
  const isMissing = query.isError;
  const images = isMissing
    ? report.mistakes.filter(
        (one) =>
          split === "val" &&
          (label === undefined || one.label === label) &&
          (predicted === undefined || one.predicted === predicted),
      )
    : (query.data?.pages.flatMap((page) => page.data) ?? []);

  if (numAll === 0) {
    return (
      <Card>
        <Empty title="No mistake">
          Every image of this split was predicted as its label. More or harder images would show
          where the model fails.
        </Empty>
      </Card>
    );
  }
  return (
    <Stack>
      {report.test && (
        <SplitChoice
          split={split}
          onChange={(next) => set({ split: next === "val" ? null : next })}
        />
      )}
      <div className={styles.filters}>
        <ClassChoice
          label="Label"
          names={report.class_names}
          value={label}
          onChange={(next) => set({ label: next })}
        />
        <ClassChoice
          label="Prediction"
          names={report.class_names}
          value={predicted}
          onChange={(next) => set({ predicted: next })}
        />
      </div>
      {isMissing && (
        <Callout title={`Only the ${count(report.mistakes.length)} surest mistakes are known.`}>
          {asServiceError(query.error).message}
        </Callout>
      )}
      <Card
        title="Mistakes, the surest first"
        aside={isFiltered ? `of ${plural(numAll, "mistake")}` : plural(numAll, "mistake")}
      >
        <div className={styles.content}>
          {!isMissing && !query.data ? (
            <Skeleton lines={4} label="Loading the mistakes" />
          ) : images.length === 0 ? (
            <p className="muted">No mistake has this label and prediction.</p>
          ) : (
            <PredictionGrid job={job} images={images} />
          )}
          {query.hasNextPage && (
            <Button isBusy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
              Show more
            </Button>
          )}
        </div>
      </Card>
    </Stack>
  );
}

function ClassChoice({
  label,
  names,
  value,
  onChange,
}: {
  label: string;
  names: readonly string[];
  value: string | undefined;
  onChange: (name: string | null) => void;
}) {
  return (
    <SelectField
      label={label}
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value || null)}
    >
      <option value="">any</option>
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </SelectField>
  );
}
