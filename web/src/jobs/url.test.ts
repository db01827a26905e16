import { expect, test } from "vitest";
import { joinList, splitList, withChanges } from "./url";

test("lists survive commas, percent signs and other scripts", () => {
  const items = ["ants", "bees, wasps", "50 %", "チョウ"];
  expect(splitList(joinList(items))).toEqual(items);
  expect(splitList(null)).toEqual([]);
  expect(splitList("100%,a")).toEqual(["100%", "a"]);
});

test("a change keeps the other params and removes empty ones", () => {
  const params = new URLSearchParams("tab=report&cell=a,b");
  expect(withChanges(params, { cell: null, split: "test" }).toString()).toBe(
    "tab=report&split=test",
  );
  expect(withChanges(params, { tab: "" }).get("tab")).toBeNull();
  expect(params.get("cell")).toBe("a,b");
});
