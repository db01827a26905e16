import type { Schemas } from "@/api/client";
import { compact, duration, percent, percentInterval, points } from "@/format";
import { LinkButton } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Facts } from "@/ui/Facts";
import { Stack } from "@/ui/Page";
import { type Column, Table } from "@/ui/Table";
import { Whisker } from "@/ui/Whisker";
import { trainPath } from "../links";
import type { Dataset } from "../queries";
import styles from "./AdviceResult.module.css";
import { adviceText, strategyText } from "./strategies";

type Advice = Schemas["Advice"];
type Proportion = Schemas["Proportion"];

const CANDIDATES: readonly Column<Schemas["Candidate"]>[] = [
  { key: "name", header: "Architecture", cell: ({ architecture }) => architecture },
  {
    key: "accuracy",
    header: "ImageNet accuracy",
    wide: true,
    cell: ({ imagenet_accuracy }) => percent(imagenet_accuracy),
  },
  {
    key: "parameters",
    header: "Parameters",
    wide: true,
    cell: ({ num_parameters }) => compact(num_parameters),
  },
  {
    key: "seconds",
    header: "Training",
    cell: ({ estimated_seconds }) => duration(estimated_seconds),
  },
  { key: "verdict", header: "Result", cell: ({ verdict }) => verdict },
];

/** Advice with its reason, what it expects and what was measured. */
export function AdviceResult({ dataset, advice }: { dataset: Dataset; advice: Advice }) {
  const { expected_accuracy: accuracy, measurements } = advice;
  const { strategy, architecture } = advice;
  return (
    <Stack>
      <section className={styles.advice}>
        <div className={styles.words}>
          <h2>{adviceText(strategy)}</h2>
          <p className="muted">{advice.reason}</p>
        </div>
        <LinkButton look="primary" href={trainPath(dataset.id, { strategy, architecture })}>
          Train like this
        </LinkButton>
      </section>
      <Facts
        facts={[
          {
            label: "Expected accuracy",
            value: percent(accuracy.value),
            note: `95 % interval ${percentInterval([accuracy.low, accuracy.high])}`,
          },
          {
            label: "Expected time",
            value: duration(advice.expected_seconds),
            note: `measured on ${measurements.device}`,
          },
          {
            label: "Architecture",
            value: architecture,
            note: advice.stage ? `frozen up to ${advice.stage}` : "no layer is frozen",
          },
          {
            label: "With half of the images",
            value: percent(measurements.accuracy_with_half),
            note: moreImagesText(measurements),
          },
        ]}
      />
      <Measurements measurements={measurements} />
      {measurements.candidates.length > 0 && (
        <Card flush title="Architectures that were considered">
          <Table
            caption="Architectures that were considered"
            columns={CANDIDATES}
            rows={measurements.candidates}
            rowKey={({ architecture: name }) => name}
            isMarked={({ verdict }) => verdict === "chosen"}
          />
        </Card>
      )}
    </Stack>
  );
}

function Measurements({ measurements }: { measurements: Advice["measurements"] }) {
  const { late, early, gap } = measurements;
  const lowest = Math.min(late.accuracy.low, early.accuracy.low);
  const from = Math.max(0, Math.floor(lowest * 10 - 1) / 10);
  return (
    <Card title="What was measured">
      <div className={styles.measured}>
        <p className="small muted">
          A simple classifier on the features of two frozen layers, cross-validated on{" "}
          {compact(measurements.num_images_probed)} training images. Features of the last layers win
          where the images are like those of ImageNet.
        </p>
        <dl className={styles.probes}>
          <Probe label={`Last layers (${late.stage})`} accuracy={late.accuracy} from={from} />
          <Probe label={`Earlier (${early.stage})`} accuracy={early.accuracy} from={from} />
        </dl>
        <dl className={styles.rows}>
          <Row label="Difference, last minus earlier">
            {percent(gap.value)} ({percentInterval([gap.low, gap.high])})
          </Row>
          <Row label="Images per class">
            {compact(measurements.images_per_class)} in the median, which are {measurements.size}
          </Row>
          <Row label="Largest class to smallest">{measurements.imbalance.toFixed(1)} : 1</Row>
          {Object.entries(measurements.expected_seconds).map(([strategy, seconds]) => (
            <Row key={strategy} label={`Time of “${strategyText(strategy)}”`}>
              {duration(seconds)}
            </Row>
          ))}
        </dl>
      </div>
    </Card>
  );
}

function Probe({ label, accuracy, from }: { label: string; accuracy: Proportion; from: number }) {
  return (
    <div className={styles.probe}>
      <dt>{label}</dt>
      <dd className={styles.scale}>
        <Whisker value={accuracy.value} interval={[accuracy.low, accuracy.high]} from={from} />
      </dd>
      <dd>
        <strong>{percent(accuracy.value)}</strong>{" "}
        <span className="muted">{percentInterval([accuracy.low, accuracy.high])}</span>
      </dd>
    </div>
  );
}

function Row({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div className={styles.row}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function moreImagesText({ late, accuracy_with_half }: Advice["measurements"]): string {
  const gain = late.accuracy.value - accuracy_with_half;
  if (gain < 0.005) return "no gain from half to all";
  return `all of them gain ${points(gain)} points`;
}
