import type { Split } from "./figures";
import styles from "./SplitChoice.module.css";

const NAMES: Record<Split, string> = { val: "Validation images", test: "Test images" };

/** A choice between the validation and the test images. */
export function SplitChoice({
  split,
  onChange,
}: {
  split: Split;
  onChange: (split: Split) => void;
}) {
  return (
    <fieldset className={styles.choice}>
      <legend className="visually-hidden">Images</legend>
      {(["val", "test"] as const).map((one) => (
        <label key={one}>
          <input type="radio" name="split" checked={one === split} onChange={() => onChange(one)} />
          {NAMES[one]}
        </label>
      ))}
    </fieldset>
  );
}
