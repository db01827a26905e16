// @vitest-environment node
import { expect, it } from "vitest";
import { toSources } from "./reading";

function found(path: string) {
  return { path, file: new File(["x"], path.split("/").at(-1) ?? "") };
}

it("makes one source of a folder, named after it", () => {
  const sources = toSources([found("ants-and-bees/ants/1.jpg"), found("ants-and-bees/bees/1.jpg")]);
  expect(sources).toMatchObject([{ kind: "folder", name: "ants-and-bees" }]);
});

it("joins the names of class folders that are dropped together", () => {
  expect(toSources([found("bees/1.jpg"), found("ants/1.jpg")])).toMatchObject([
    { kind: "folder", name: "ants-bees" },
  ]);
});

it("keeps archives apart, but not those within a folder", () => {
  const sources = toSources([found("one.zip"), found("two.tar"), found("set/inner.zip")]);
  expect(sources.map(({ kind, name }) => [kind, name])).toEqual([
    ["archive", "one.zip"],
    ["archive", "two.tar"],
    ["folder", "set"],
  ]);
});
