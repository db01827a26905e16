import { expect, test } from "vitest";
import { labelOf } from "../recipe";
import { FURTHER_FIELDS, MAIN_FIELDS, parse } from "./fields";

test("typed text becomes a value, or nothing", () => {
  expect(parse("integer", "12")).toBe(12);
  expect(parse("integer", "1.5")).toBeUndefined();
  expect(parse("number", "1e-3")).toBe(0.001);
  expect(parse("number", "abc")).toBeUndefined();
  expect(parse("number", " ")).toBeUndefined();
  expect(parse("numbers", "1, 0.1,0.01")).toEqual([1, 0.1, 0.01]);
  expect(parse("numbers", "1, x")).toBeUndefined();
});

test("every field has a name of its own", () => {
  const labels = [...MAIN_FIELDS, ...FURTHER_FIELDS].map(({ path }) => labelOf(path));
  expect(new Set(labels).size).toBe(labels.length);
});
