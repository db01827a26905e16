import type { ReactNode } from "react";
import { bytes, duration } from "@/format";
import { Button } from "@/ui/Button";
import { Callout, Card } from "@/ui/Card";
import { parameters } from "../words";
import type { useDryRun, Validation } from "./queries";
import styles from "./RequirementsPanel.module.css";

/** What a job would take: parameters, memory and time, measured where a worker has done so. */
export function RequirementsPanel({
  validation,
  dryRun,
  onBatchSize,
}: {
  validation: Validation | undefined;
  dryRun: ReturnType<typeof useDryRun>;
  onBatchSize: (size: number) => void;
}) {
  const { measured } = dryRun;
  const seconds = measured?.estimated_seconds ?? validation?.estimated_seconds ?? null;
  const epochs = validation?.config?.epochs;
  const memory = validation?.memory;
  const bare = memory
    ? memory.parameter_bytes + memory.gradient_bytes + memory.optimizer_bytes
    : null;
  const rows: [string, ReactNode][] = [
    [
      "Parameters that are trained",
      validation?.num_trainable_parameters == null
        ? "–"
        : `${parameters(validation.num_trainable_parameters)} of ${parameters(validation.num_parameters)}`,
    ],
    [
      measured?.peak_memory_bytes != null ? "Memory" : "Memory, without activations",
      measured?.peak_memory_bytes != null
        ? `${bytes(measured.peak_memory_bytes)} of ${bytes(measured.available_memory_bytes)}`
        : bytes(bare),
    ],
    ...(typeof epochs === "number" && seconds != null && epochs > 1 && !isSolved(validation)
      ? [["An epoch", duration(seconds / epochs)] as [string, ReactNode]]
      : []),
    ["In total", <strong key="total">{duration(seconds)}</strong>],
  ];
  return (
    <Card
      title="What this takes"
      aside={<span role="status">{sourceOf(validation, dryRun)}</span>}
      flush
    >
      <dl className={styles.rows}>
        {rows.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {measured && !measured.fits && (
        <div className={styles.problem}>
          <Callout tone="bad" title="One batch does not fit the memory.">
            {measured.fitting_batch_size === null
              ? "Not even one image fits; choose a smaller architecture or input size."
              : `The largest batch that fits has ${measured.fitting_batch_size} images. `}
            {measured.fitting_batch_size !== null && (
              <Button onClick={() => onBatchSize(measured.fitting_batch_size ?? 1)}>
                {`Use ${measured.fitting_batch_size}`}
              </Button>
            )}
          </Callout>
        </div>
      )}
    </Card>
  );
}

function isSolved(validation: Validation | undefined): boolean {
  const optimizer = validation?.config?.optimizer;
  return typeof optimizer === "object" && optimizer.name === "lbfgs";
}

function sourceOf(
  validation: Validation | undefined,
  { measured, isPending }: ReturnType<typeof useDryRun>,
): string {
  if (measured) return `measured on one batch (${measured.device})`;
  if (isPending) return "measuring one batch…";
  return validation?.estimated_seconds != null ? "from earlier jobs" : "estimated";
}
