import { Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import styles from "./SearchField.module.css";

const DELAY_MS = 250;

/** A search box that reports its text when the typing pauses. */
export function SearchField({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (text: string) => void;
}) {
  const [text, setText] = useState(value);
  const reported = useRef(value);
  const latest = useRef(onChange);
  latest.current = onChange;

  useEffect(() => {
    if (value === reported.current) return;
    reported.current = value; // changed from elsewhere, such as by Back
    setText(value);
  }, [value]);

  useEffect(() => {
    if (text === reported.current) return undefined;
    const timer = setTimeout(() => {
      reported.current = text;
      latest.current(text);
    }, DELAY_MS);
    return () => clearTimeout(timer);
  }, [text]);

  return (
    <div className={styles.field}>
      <Search aria-hidden />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </div>
  );
}
