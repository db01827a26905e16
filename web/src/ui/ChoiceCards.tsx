import type { ReactNode } from "react";
import styles from "./ChoiceCards.module.css";

/** A choice of one of a few values, each with a name and a sentence. */
export function ChoiceCards<Value extends string>({
  name,
  label,
  value,
  choices,
  error,
  onChange,
}: {
  /** The name of the field in a request. */
  name: string;
  label: string;
  value: Value;
  choices: readonly { value: Value; title: ReactNode; sentence: string }[];
  error?: string | undefined;
  onChange: (value: Value) => void;
}) {
  return (
    <fieldset className={styles.cards} data-field={name}>
      <legend className="visually-hidden">{label}</legend>
      {choices.map((choice) => (
        <label key={choice.value} className={styles.card}>
          <input
            type="radio"
            name={name}
            value={choice.value}
            checked={choice.value === value}
            onChange={() => onChange(choice.value)}
          />
          <span className={styles.name}>{choice.title}</span>
          <span className={styles.sentence}>{choice.sentence}</span>
        </label>
      ))}
      {error && <p className={styles.error}>{error}</p>}
    </fieldset>
  );
}
