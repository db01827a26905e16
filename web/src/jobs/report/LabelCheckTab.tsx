import { useState } from "react";
import { Link } from "wouter";
import { count, percent, plural } from "@/format";
import { Button } from "@/ui/Button";
import { Callout, Card } from "@/ui/Card";
import { Stack } from "@/ui/Page";
import { Empty } from "@/ui/States";
import type { Job, Report } from "../queries";
import styles from "./MistakesTab.module.css";
import { PredictionGrid } from "./PredictionGrid";
import { WithReport } from "./ReportTab";

const PER_PAGE = 48;

/** Training images whose label is probably wrong, the most suspicious first. */
export default function LabelCheckTab({ job }: { job: Job }) {
  return <WithReport job={job}>{(report) => <LabelCheck job={job} report={report} />}</WithReport>;
}

function LabelCheck({ job, report }: { job: Job; report: Report }) {
  const [numShown, setNumShown] = useState(PER_PAGE);
  const {
    num_images: numImages,
    num_suspects: numSuspects,
    expected_precision: expectedPrecision,
    reason,
    suspects,
  } = report.label_check;
  if (suspects === null) {
    return (
      <Card>
        <Empty title="The labels were not checked">{reason}</Empty>
      </Card>
    );
  }
  if (suspects.length === 0) {
    return (
      <Card>
        <Empty title="No label looks wrong">
          {`${plural(numImages, "training image")} were checked by models that had not seen them.`}
        </Empty>
      </Card>
    );
  }
  return (
    <Stack>
      <Callout title={`${plural(numSuspects, "label")} of ${count(numImages)} may be wrong.`}>
        Models that were trained without these training images predict another class.{" "}
        {expectedPrecision != null &&
          `About ${percent(expectedPrecision, 0)} of them are expected to be errors; the first are the surest. `}
        Look at each: correct the label in your folder and upload it again, or leave it.{" "}
        <Link className="link" href={`/datasets/${job.dataset_id}?finding=suspect_label`}>
          Show them in the dataset
        </Link>
      </Callout>
      <Card
        title="Label → suggestion"
        aside={
          suspects.length < numSuspects
            ? `the first ${count(suspects.length)} of ${count(numSuspects)}`
            : plural(numSuspects, "image")
        }
      >
        <div className={styles.content}>
          <PredictionGrid
            job={job}
            images={suspects
              .slice(0, numShown)
              .map((one) => ({ ...one, predicted: one.suggested_label }))}
          />
          {numShown < suspects.length && (
            <Button onClick={() => setNumShown(numShown + PER_PAGE)}>Show more</Button>
          )}
        </div>
      </Card>
    </Stack>
  );
}
