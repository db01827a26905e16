import type { Schemas } from "@/api/client";
import { compact } from "@/format";
import { ComboBox } from "@/ui/ComboBox";
import { useArchitectures } from "../queries";
import { availability } from "./form";

const WEIGHTS: Record<ReturnType<typeof availability>, string> = {
  local: "weights here",
  download: "weights are downloaded",
  unavailable: "no weights",
};

function describe(architecture: Schemas["Architecture"]): string {
  const { input_size: size, num_parameters: parameters } = architecture;
  return `${size} px · ${compact(parameters)} · ${WEIGHTS[availability(architecture)]}`;
}

/** A choice of an architecture by its name, with its size and its weights. */
export function ArchitectureField({
  value,
  error,
  onChange,
}: {
  value: string;
  error: string | undefined;
  onChange: (name: string) => void;
}) {
  const { data = [] } = useArchitectures();
  const chosen = data.find(({ name }) => name === value);
  return (
    <div data-field="architecture">
      <ComboBox
        label="Architecture"
        options={data.map((architecture) => ({
          id: architecture.name,
          label: architecture.name,
          detail: describe(architecture),
        }))}
        value={value}
        hint={chosen ? describe(chosen) : undefined}
        error={error}
        onChange={onChange}
      />
    </div>
  );
}
