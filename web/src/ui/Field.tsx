import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from "react";
import styles from "./Field.module.css";

interface Labelled {
  label: string;
  /** A unit, a bound or an explanation below the control. */
  hint?: ReactNode;
  /** What is wrong with the value. */
  error?: string | undefined;
}

/** A label, a control and the line below it. */
export function Field({
  label,
  hint,
  error,
  children,
}: Labelled & { children: (id: string, describedBy: string | undefined) => ReactNode }) {
  const id = useId();
  const note = error ?? hint;
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      {children(id, note == null ? undefined : `${id}-note`)}
      {note != null && (
        <span id={`${id}-note`} className={error ? styles.error : styles.hint}>
          {note}
        </span>
      )}
    </div>
  );
}

/** A labelled text or number input. */
export function TextField({
  label,
  hint,
  error,
  ...rest
}: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(id, describedBy) => (
        <input
          {...rest}
          id={id}
          aria-describedby={describedBy}
          aria-invalid={error ? true : undefined}
          className={styles.control}
        />
      )}
    </Field>
  );
}

/** A labelled choice of a few values. */
export function SelectField({
  label,
  hint,
  error,
  children,
  ...rest
}: Labelled & SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(id, describedBy) => (
        <select
          {...rest}
          id={id}
          aria-describedby={describedBy}
          aria-invalid={error ? true : undefined}
          className={styles.control}
        >
          {children}
        </select>
      )}
    </Field>
  );
}

/** A checkbox with its label beside it. */
export function Checkbox({
  children,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { children: ReactNode }) {
  return (
    <label className={styles.check}>
      <input type="checkbox" {...rest} />
      <span>{children}</span>
    </label>
  );
}

/** A slider with its value as text. */
export function Slider({
  label,
  value,
  format,
  onChange,
  ...range
}: {
  label: string;
  value: number;
  format: (value: number) => string;
  onChange: (value: number) => void;
  min: number;
  max: number;
  step: number;
}) {
  const id = useId();
  return (
    <div className={styles.slider}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="range"
        {...range}
        value={value}
        aria-valuetext={format(value)}
        onChange={(event) => onChange(event.target.valueAsNumber)}
      />
      <output htmlFor={id}>{format(value)}</output>
    </div>
  );
}
