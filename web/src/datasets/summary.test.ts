// @vitest-environment node
import { expect, it } from "vitest";
import type { Dataset } from "./queries";
import { countClasses, findingText, numFindings, numImages, splitsOf } from "./summary";

const dataset = {
  class_names: ["ants", "bees"],
  splits: {
    val: { num_images: 3, per_class: { ants: 1, bees: 2 } },
    train: { num_images: 7, per_class: { ants: 4, bees: 3 } },
  },
  report: {
    counts: {
      images: 10,
      ignored: 5,
      system_files: 1,
      rejected: 1,
      duplicates: 2,
      leaked: 0,
      near_leaked: 3,
      suspect_labels: 0,
    },
  },
} as unknown as Dataset;

it("adds the splits up in their usual order", () => {
  expect(splitsOf(dataset)).toEqual(["train", "val"]);
  expect(numImages(dataset)).toBe(10);
  expect(countClasses(dataset)).toEqual([
    { name: "ants", counts: [4, 1], total: 5 },
    { name: "bees", counts: [3, 2], total: 5 },
  ]);
});

it("counts the findings that a person should look at", () => {
  expect(numFindings(dataset)).toBe(6);
  expect(findingText("suspect_labels", 1)).toBe("1 label looks wrong");
  expect(findingText("duplicates", 2)).toBe("2 duplicates within a split");
});
