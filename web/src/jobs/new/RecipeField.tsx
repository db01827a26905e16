import { useEffect, useState } from "react";
import { Checkbox, SelectField, TextField } from "@/ui/Field";
import { labelOf, show, type Value } from "../recipe";
import { type FieldSpec, parse } from "./fields";
import styles from "./RecipeField.module.css";

interface Props {
  spec: FieldSpec;
  /** The value that the job would have; undefined while it is not known. */
  value: Value | undefined;
  preset: Value | undefined;
  isChanged: boolean;
  error: string | undefined;
  /** Change the field; undefined: back to the preset. */
  onChange: (value: Value | undefined) => void;
}

/** One field of the recipe, with its preset's value where it differs. */
export function RecipeField({ spec, value, preset, isChanged, error, onChange }: Props) {
  const label = labelOf(spec.path);
  return (
    <div className={styles.field} data-field={spec.path} data-changed={isChanged || undefined}>
      {spec.kind === "choice" ? (
        <Choice spec={spec} label={label} value={value} error={error} onChange={onChange} />
      ) : spec.kind === "switch" ? (
        <div className={styles.switch}>
          <Checkbox checked={value === true} onChange={(event) => onChange(event.target.checked)}>
            {label}
          </Checkbox>
        </div>
      ) : (
        <Typed spec={spec} label={label} value={value} error={error} onChange={onChange} />
      )}
      {isChanged && (
        <span className={styles.change}>
          instead of {show(preset)}
          <button
            type="button"
            aria-label={`Reset ${label.toLowerCase()}`}
            onClick={() => onChange(undefined)}
          >
            reset
          </button>
        </span>
      )}
    </div>
  );
}

type ControlProps = Pick<Props, "spec" | "value" | "error" | "onChange"> & { label: string };

function Choice({ spec, label, value, error, onChange }: ControlProps) {
  return (
    <SelectField
      label={label}
      hint={spec.hint}
      error={error}
      value={value == null ? "" : String(value)}
      onChange={(event) => onChange(event.target.value === "" ? null : event.target.value)}
    >
      {(spec.isOptional || value == null) && <option value="">off</option>}
      {spec.choices?.map((one) => (
        <option key={one} value={one}>
          {show(one)}
        </option>
      ))}
    </SelectField>
  );
}

function asText(value: Value | undefined): string {
  if (value == null) return "";
  return Array.isArray(value) ? value.join(", ") : String(value);
}

function Typed({ spec, label, value, error, onChange }: ControlProps) {
  const [text, setText] = useState(asText(value));
  const isRead = JSON.stringify(parse(spec.kind, text) ?? null) === JSON.stringify(value ?? null);
  const [isTyping, setTyping] = useState(false);
  const isMissing = text.trim() === "";
  const isWrong = !isMissing && parse(spec.kind, text) === undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a value from elsewhere replaces the text
  useEffect(() => {
    if (!isTyping && !isRead) setText(asText(value));
  }, [JSON.stringify(value), isTyping]);

  function type(next: string): void {
    setText(next);
    const parsed = parse(spec.kind, next);
    if (next.trim() === "") onChange(spec.isOptional ? null : undefined);
    else if (parsed !== undefined) onChange(parsed);
  }

  const wanted = spec.kind === "integer" ? "a whole number" : "a number";
  return (
    <TextField
      label={label}
      hint={spec.hint}
      error={isWrong ? `It must be ${spec.kind === "numbers" ? "numbers" : wanted}.` : error}
      inputMode={spec.kind === "text" || spec.kind === "numbers" ? "text" : "decimal"}
      placeholder={spec.isOptional ? "off" : ""}
      value={text}
      onFocus={() => setTyping(true)}
      onBlur={() => setTyping(false)}
      onChange={(event) => type(event.target.value)}
    />
  );
}
