/** The settings in which jobs differ. */

export interface Difference {
  /** The path of the field, such as `optimizer.learning_rate`. */
  field: string;
  /** The value of each job as text, in the jobs' order. */
  values: string[];
}

const MISSING = "–";

/** List the fields of configurations that are not the same for all of them. */
export function findDifferences(configs: readonly object[]): Difference[] {
  const flat = configs.map((config) => flatten(config));
  const fields = [...new Set(flat.flatMap((one) => [...one.keys()]))];
  return fields
    .map((field) => ({ field, values: flat.map((one) => one.get(field) ?? MISSING) }))
    .filter(({ values }) => values.some((value) => value !== values[0]));
}

/** Turn nested objects into paths with their values as text. */
export function flatten(value: object, prefix = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [name, inner] of Object.entries(value)) {
    const path = prefix + name;
    if (inner !== null && typeof inner === "object" && !Array.isArray(inner)) {
      for (const [key, text] of flatten(inner, `${path}.`)) flat.set(key, text);
    } else
      flat.set(
        path,
        inner === null ? "off" : Array.isArray(inner) ? inner.join(", ") : String(inner),
      );
  }
  return flat;
}
