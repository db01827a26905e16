import { plural } from "@/format";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { SelectField } from "@/ui/Field";
import { change, type Recipe } from "../recipe";
import { type FieldSpec, FURTHER_FIELDS, MAIN_FIELDS } from "./fields";
import { PRESETS, type Preset } from "./form";
import styles from "./RecipeCard.module.css";
import { RecipeField } from "./RecipeField";

const PRESET_SENTENCES: Record<Preset, string> = {
  recommended: "Values that did best in our measurements, by strategy.",
  tutorial: "As in “Finetuning Torchvision Models”.",
  "tutorial-steplr": "As in “Transfer Learning for Computer Vision”.",
  "tutorial-inception": "The first tutorial's values for Inception v3.",
};

/** The recipe: filled from a preset, folded away until one wants to change it. */
export function RecipeCard({
  preset,
  values,
  presetValues,
  changes,
  errors,
  isOpen,
  onOpen,
  onPreset,
  onChanges,
}: {
  preset: Preset;
  values: Recipe;
  presetValues: Recipe;
  changes: Recipe;
  errors: Readonly<Record<string, string>>;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
  onPreset: (preset: Preset) => void;
  onChanges: (changes: Recipe) => void;
}) {
  const numChanges = Object.keys(changes).length;
  const wasSolved = presetValues["optimizer.name"] === "lbfgs";
  const isSolved = values["optimizer.name"] === "lbfgs";

  function fields(specs: readonly FieldSpec[]) {
    return specs
      .filter(({ path }) => path in values || path in changes)
      .map((spec) => (
        <RecipeField
          key={spec.path}
          spec={spec}
          value={spec.path in changes ? changes[spec.path] : values[spec.path]}
          preset={presetValues[spec.path]}
          isChanged={spec.path in changes}
          error={errors[spec.path]}
          onChange={(value) => onChanges(change(changes, spec.path, value))}
        />
      ));
  }

  return (
    <Card
      title="Recipe"
      aside={
        <>
          <span>
            {preset}
            {numChanges > 0 && `, ${plural(numChanges, "change")}`}
          </span>
          {numChanges > 0 && (
            <Button look="quiet" onClick={() => onChanges({})}>
              Reset all
            </Button>
          )}
        </>
      }
    >
      <details
        className={styles.more}
        open={isOpen}
        onToggle={(event) => onOpen(event.currentTarget.open)}
      >
        <summary>
          More
          <span className={styles.summary}>
            {isSolved
              ? "The head is solved exactly, so there are few settings."
              : "Epochs, optimizer, schedule, augmentation and 20 other settings."}
          </span>
        </summary>
        <div className={styles.content}>
          <SelectField
            label="Preset"
            hint={PRESET_SENTENCES[preset]}
            value={preset}
            onChange={(event) => onPreset(event.target.value as Preset)}
          >
            {PRESETS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </SelectField>
          {wasSolved && (
            <p className={styles.note} role="status">
              {isSolved
                ? "The preset solves the head exactly, for several L2 strengths. If you change the " +
                  "epochs, the optimizer, the schedule or the augmentation, the head is trained in " +
                  "steps instead."
                : "Your changes train the head in steps; the preset would solve it exactly."}
            </p>
          )}
          <div className={styles.fields}>{fields(MAIN_FIELDS)}</div>
          <h3>Further settings</h3>
          <div className={styles.fields}>{fields(FURTHER_FIELDS)}</div>
        </div>
      </details>
    </Card>
  );
}
