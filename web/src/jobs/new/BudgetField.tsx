import { duration } from "@/format";
import { SelectField } from "@/ui/Field";
import { BUDGETS } from "./form";

/** A choice of the time that a job may take; without one, the form below decides. */
export function BudgetField({
  value,
  error,
  onChange,
}: {
  value: string;
  error: string | undefined;
  onChange: (seconds: string) => void;
}) {
  const choices: string[] =
    BUDGETS.some((one) => one === value) || !value ? [...BUDGETS] : [...BUDGETS, value];
  return (
    <div data-field="time_budget_seconds">
      <SelectField
        label="Time budget"
        hint={
          value ? "The job finds the best model within it." : "Or let the job choose everything."
        }
        error={error}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      >
        <option value="">None</option>
        {choices.map((seconds) => (
          <option key={seconds} value={seconds}>
            {NAMES[seconds] ?? duration(Number(seconds))}
          </option>
        ))}
      </SelectField>
    </div>
  );
}

const NAMES: Record<string, string> = { 60: "1 minute", 300: "5 minutes", 1200: "20 minutes" };
