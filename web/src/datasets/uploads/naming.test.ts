// @vitest-environment node
import { describe, expect, it } from "vitest";
import { isArchive, nameProblem, toName } from "./naming";

describe("toName", () => {
  it.each([
    ["ants-and-bees.zip", "ants-and-bees"],
    ["Ants & Bees.tar.gz", "ants-bees"],
    ["Fleurs d’été", "fleurs-d-ete"],
    ["..hidden", "hidden"],
    ["蜂", "dataset"],
    ["imagenet", "dataset"],
    [`${"a".repeat(62)}-b`, "a".repeat(62)],
  ])("makes an allowed name of %s", (filename, name) => {
    expect(toName(filename)).toBe(name);
    expect(nameProblem(toName(filename))).toBeUndefined();
  });
});

describe("nameProblem", () => {
  it.each(["", "Ants", "-ants", "ants and bees", "a".repeat(64), "none"])(
    "rejects “%s”",
    (name) => {
      expect(nameProblem(name)).toBeTypeOf("string");
    },
  );
});

describe("isArchive", () => {
  it("knows the formats that the service reads", () => {
    expect(["a.zip", "a.TAR", "a.tar.gz", "a.tgz", "a.tar.zst"].every(isArchive)).toBe(true);
    expect(["a.jpg", "a.rar", "zip"].some(isArchive)).toBe(false);
  });
});
