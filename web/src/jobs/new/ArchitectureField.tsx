import { useState } from "react";
import type { Schemas } from "@/api/client";
import { compact } from "@/format";
import { ComboBox } from "@/ui/ComboBox";
import { useArchitectures } from "../queries";
import { availability, mergeByName } from "./form";
import { useArchitectureSearch } from "./queries";

const WEIGHTS: Record<ReturnType<typeof availability>, string> = {
  local: "weights here",
  download: "weights are downloaded",
  unavailable: "no weights",
};

function describe(architecture: Schemas["Architecture"]): string {
  const { input_size: size, num_parameters: parameters, weights } = architecture;
  const licence = weights.find(({ is_default }) => is_default)?.licence;
  const facts = [`${size} px`, compact(parameters), WEIGHTS[availability(architecture)]];
  return (licence ? [...facts, licence] : facts).join(" · ");
}

/** A choice of an architecture by its name; typing also finds those of timm. */
export function ArchitectureField({
  value,
  error,
  onChange,
}: {
  value: string;
  error: string | undefined;
  onChange: (name: string) => void;
}) {
  const [text, setText] = useState("");
  const { data: listed = [], isLoading } = useArchitectures();
  const { data: found = [] } = useArchitectureSearch(text || value);
  const architectures = mergeByName(listed, found);
  const chosen = architectures.find(({ name }) => name === value);
  return (
    <div data-field="architecture">
      <ComboBox
        label="Architecture"
        options={architectures.map((architecture) => ({
          id: architecture.name,
          label: architecture.name,
          detail: describe(architecture),
        }))}
        value={value}
        hint={
          chosen ? describe(chosen) : "Type a part of a name to find timm's architectures, too."
        }
        error={error}
        isLoading={isLoading}
        onInput={setText}
        onChange={onChange}
      />
    </div>
  );
}
