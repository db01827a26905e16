import { expect, test } from "vitest";
import type { ClassFigures } from "./figures";
import { sortClasses, weakestClass } from "./figures";

const one = (class_name: string, support: number, recall: number | null) =>
  ({ class_name, support, recall, precision: recall, f1: recall }) as ClassFigures;
const classes = [one("ants", 10, 0.9), one("bees", 5, null), one("wasps", 4, 0.5)];

test("the weakest class is one that occurs", () => {
  expect(weakestClass(classes)?.class_name).toBe("wasps");
  expect(weakestClass([one("bees", 0, null)])).toBeNull();
});

test("classes without a figure come last in both directions", () => {
  const names = (descending: boolean) =>
    sortClasses(classes, "recall", descending).map(({ class_name }) => class_name);
  expect(names(false)).toEqual(["wasps", "ants", "bees"]);
  expect(names(true)).toEqual(["ants", "wasps", "bees"]);
  expect(sortClasses(classes, "class_name", true)[0]?.class_name).toBe("wasps");
});
