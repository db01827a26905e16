import { Suspense } from "react";
import { percent } from "@/format";
import { useOverview } from "@/home/queries";
import { lazy } from "@/ui/lazy";
import { Skeleton } from "@/ui/States";
import { useModels } from "./queries";

const ComboBox = lazy(() =>
  import("@/ui/ComboBox").then(({ ComboBox }) => ({ default: ComboBox })),
);

/** The choice of a model: the serving one, or any model by reference. */
export function ModelChoice({
  label,
  value,
  none,
  onChange,
}: {
  label: string;
  value: string | null;
  /** What the choice of no model is called. */
  none: string;
  onChange: (reference: string | null) => void;
}) {
  const models = useModels().data?.data ?? [];
  const serving = useOverview().data?.serving;
  const options = [
    {
      id: "",
      label: none,
      detail: serving && none.startsWith("Serving") ? serving.model : undefined,
    },
    ...models.map(({ name, newest }) => ({
      id: name,
      label: name,
      detail: newest ? `version ${newest.version}, ${percent(newest.val_accuracy)}` : undefined,
    })),
  ];
  if (value && !options.some(({ id }) => id === value)) {
    options.push({ id: value, label: value, detail: undefined });
  }
  return (
    <Suspense fallback={<Skeleton lines={1} label="Loading the models" />}>
      <ComboBox
        key={options.length}
        label={label}
        options={options}
        value={value ?? ""}
        onChange={(id) => onChange(id || null)}
      />
    </Suspense>
  );
}
