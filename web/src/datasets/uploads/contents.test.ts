// @vitest-environment node
import { describe, expect, it } from "vitest";
import { describeContents } from "./contents";

function files(...paths: string[]) {
  return paths.map((path) => ({ path, file: new File(["x"], "x") }));
}

describe("describeContents", () => {
  it("counts class folders within one outer folder", () => {
    const contents = describeContents(
      files("set/bees/1.jpg", "set/ants/1.JPG", "set/ants/2.png", "set/readme.txt"),
    );
    expect(contents.classes).toEqual([
      { name: "ants", numImages: 2 },
      { name: "bees", numImages: 1 },
    ]);
    expect(contents).toMatchObject({ numImages: 3, numOthers: 1, splits: [], problem: undefined });
  });

  it("adds the splits of a class up", () => {
    const contents = describeContents(
      files("s/val/a/1.jpg", "s/train/a/1.jpg", "s/train/b/1.jpg", "s/val/b/2.jpg"),
    );
    expect(contents.splits).toEqual(["train", "val"]);
    expect(contents.classes.map((one) => one.numImages)).toEqual([2, 2]);
  });

  it("leaves out the files of operating systems", () => {
    const contents = describeContents(
      files("s/a/1.jpg", "s/b/1.jpg", "s/a/.DS_Store", "s/__MACOSX/a/1.jpg"),
    );
    expect(contents).toMatchObject({ numImages: 2, numOthers: 0 });
  });

  it("says why a folder is no dataset", () => {
    expect(describeContents(files("s/1.jpg", "s/2.jpg")).problem).toMatch("one folder");
    expect(describeContents(files("s/notes.txt")).problem).toMatch("no image");
    expect(describeContents(files("s/1.jpg", "s/a/1.jpg", "s/b/1.jpg")).problem).toMatch(
      "no class folder",
    );
  });
});
