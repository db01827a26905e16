import { useEffect } from "react";
import { SelectField } from "@/ui/Field";
import type { JobForm } from "./form";
import { useLayers } from "./queries";

/** With the strategy “partial”: the first layer that is trained. */
export function LayerField({
  form,
  advised,
  error,
  onChange,
}: {
  form: JobForm;
  advised: string | null;
  error: string | undefined;
  onChange: (layer: string) => void;
}) {
  const { data: layers = [] } = useLayers(form.datasetId, form.architecture, true);
  const { trainableFrom: value } = form;
  const usual = advised ?? layers.at(-1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the choice is made where there is none
  useEffect(() => {
    if (usual && layers.length > 0 && (!value || !layers.includes(value))) onChange(usual);
  }, [usual, layers.length, value]);
  return (
    <div data-field="trainable_from">
      <SelectField
        label="First trained layer"
        hint="Layers below it stay frozen; the list goes from the image to the head."
        error={error}
        value={value ?? ""}
        onChange={(event) => onChange(event.target.value)}
      >
        {layers.map((layer) => (
          <option key={layer} value={layer}>
            {layer}
            {layer === advised ? " (advised)" : ""}
          </option>
        ))}
      </SelectField>
    </div>
  );
}
