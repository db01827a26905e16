import { useDeferredValue, useState } from "react";
import { count } from "@/format";
import { ComboBox, type Option } from "@/ui/ComboBox";
import { useDataset, useDatasets } from "./queries";

/** A choice of a dataset by a part of its name; `everything` adds an entry for all of them. */
export function DatasetField({
  label,
  value,
  everything,
  error,
  onChange,
}: {
  label: string;
  value: string | null;
  everything?: string;
  error?: string | undefined;
  onChange: (id: string | null) => void;
}) {
  const [text, setText] = useState("");
  const chosen = useDataset(value);
  const isName = text === chosen.data?.name || text === everything;
  const found = useDatasets(useDeferredValue(isName ? "" : text));
  const datasets = found.data?.data ?? [];
  const known = datasets.some(({ id }) => id === value) || !chosen.data ? [] : [chosen.data];
  const options: Option[] = [...known, ...datasets]
    .filter((dataset) => everything || dataset.status !== "invalid")
    .map((dataset) => ({
      id: dataset.id,
      label: dataset.name,
      detail:
        dataset.status === "ready"
          ? `${count(dataset.report.counts.images)} images, ${count(dataset.class_names.length)} classes`
          : dataset.status,
    }));
  if (everything) options.unshift({ id: ALL, label: everything });
  return (
    <ComboBox
      label={label}
      options={options}
      value={value ?? (everything ? ALL : null)}
      error={error ?? (chosen.isError ? "This dataset does not exist any more." : undefined)}
      isLoading={chosen.isLoading && !options.some(({ id }) => id === value)}
      onInput={setText}
      onChange={(id) => onChange(id === ALL ? null : id)}
    />
  );
}

const ALL = "all";
