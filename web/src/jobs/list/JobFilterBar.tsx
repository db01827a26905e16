import { useEffect, useState } from "react";
import { TextField } from "@/ui/Field";
import { DatasetField } from "../DatasetField";
import type { JobStatus } from "../queries";
import styles from "./JobFilterBar.module.css";
import type { JobFilters } from "./queries";

const STATUSES: readonly JobStatus[] = ["running", "queued", "succeeded", "failed", "cancelled"];
const TYPING_MS = 250;

/** The filters of the list of jobs. */
export function JobFilterBar({
  filters,
  onStatus,
  onText,
  onDataset,
}: {
  filters: JobFilters;
  onStatus: (status: JobStatus[]) => void;
  onText: (text: string) => void;
  onDataset: (id: string | null) => void;
}) {
  const { status } = filters;
  return (
    <div className={styles.bar}>
      <NameField text={filters.q} onText={onText} />
      <DatasetField
        label="Dataset"
        value={filters.datasetId}
        everything="All datasets"
        onChange={onDataset}
      />
      <fieldset className={styles.statuses}>
        <legend>Status</legend>
        {STATUSES.map((one) => (
          <label key={one} className={styles.status}>
            <input
              type="checkbox"
              checked={status.includes(one)}
              onChange={(event) =>
                onStatus(
                  event.target.checked ? [...status, one] : status.filter((each) => each !== one),
                )
              }
            />
            {one}
          </label>
        ))}
      </fieldset>
    </div>
  );
}

function NameField({ text, onText }: { text: string; onText: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  useEffect(() => setTyped(text), [text]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only typing starts the timer
  useEffect(() => {
    if (typed === text) return undefined;
    const timer = setTimeout(() => onText(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <TextField
      label="Model name or job id"
      type="search"
      placeholder="Any"
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}
