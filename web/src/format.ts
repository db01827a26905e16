/** Numbers, sizes and times as people read them. */

const NUMBER = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const DATE_TIME = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

const MISSING = "–";

/** A space at which no line breaks; after a dash only the word joiner prevents that. */
const NBSP = "\u00a0";
const DASH = `${NBSP}–\u2060${NBSP}`;

/** A whole number with thousands separators: 41,207. */
export function count(value: number | null | undefined): string {
  return value == null ? MISSING : NUMBER.format(value);
}

/** A large number in few characters: 11.2M. */
export function compact(value: number | null | undefined): string {
  return value == null ? MISSING : COMPACT.format(value);
}

/** A share of one as percent, with one decimal: 93.5 %. */
export function percent(value: number | null | undefined, digits = 1): string {
  return value == null ? MISSING : `${(value * 100).toFixed(digits)}${NBSP}%`;
}

/** A difference of two shares of one in percentage points, without the unit: −8.5. */
export function points(difference: number | undefined): string {
  return difference == null ? MISSING : (difference * 100).toFixed(1).replace("-", "−");
}

/** A percent interval: 88.4 – 96.4 %. */
export function percentInterval(
  interval: readonly (number | null | undefined)[] | null | undefined,
  digits = 1,
): string {
  const [low, high] = interval ?? [];
  if (low == null || high == null) return MISSING;
  return `${(low * 100).toFixed(digits)}${DASH}${percent(high, digits)}`;
}

/** A number with a fixed count of decimals. */
export function decimal(value: number | null | undefined, digits = 3): string {
  return value == null ? MISSING : value.toFixed(digits);
}

/** The p-value of a test: p = 0.043, p < 0.001. */
export function pValue(value: number | null | undefined): string {
  if (value == null) return `p = ${MISSING}`;
  return value < 0.001 ? "p < 0.001" : `p = ${value.toFixed(3)}`;
}

/** A small or large number, such as a learning rate, in its shortest readable form: 1e−4. */
export function short(value: number | null | undefined): string {
  if (value == null) return MISSING;
  if (value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 1e6)) {
    return value
      .toExponential(1)
      .replace(/\.0(?=e)/, "")
      .replace("e-", "e−")
      .replace("e+", "e");
  }
  return String(Number(value.toPrecision(3)));
}

/** A loss: three decimals, or a power of ten where these would hide it. */
export function loss(value: number): string {
  return value !== 0 && value < 0.01 ? short(value) : decimal(value);
}

/** Bytes in decimal units: 47.5 MB. */
export function bytes(value: number | null | undefined): string {
  if (value == null) return MISSING;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let amount = value;
  let unit = 0;
  while (amount >= 999.5 && unit < units.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`;
}

/** A duration in seconds in its two largest units: 1 min 25 s. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return MISSING;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return joinUnits(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(whole / 60);
  if (minutes < 48 * 60) return joinUnits(Math.floor(minutes / 60), "h", minutes % 60, "min");
  return `${Math.round(minutes / 1440)} days`;
}

function joinUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small > 0 ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

/** The time since `moment` in words: 2 minutes ago. */
export function relativeTime(moment: string, now: number = Date.now()): string {
  const seconds = (new Date(moment).getTime() - now) / 1000;
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ["second", 60],
    ["minute", 60],
    ["hour", 24],
    ["day", 30],
    ["month", 12],
  ];
  let value = seconds;
  for (const [unit, size] of steps) {
    if (Math.abs(value) < size) {
      return unit === "second" && Math.abs(value) < 10
        ? "just now"
        : RELATIVE.format(Math.round(value), unit);
    }
    value /= size;
  }
  return RELATIVE.format(Math.round(value), "year");
}

/** The local date and time: Nov 28, 2026, 4:27:16 PM. */
export function dateTime(moment: string): string {
  return DATE_TIME.format(new Date(moment));
}

/** "1 image", "2 images". */
export function plural(value: number, singular: string, many = `${singular}s`): string {
  return `${count(value)} ${value === 1 ? singular : many}`;
}
