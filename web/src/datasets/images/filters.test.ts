// @vitest-environment node
import { describe, expect, it } from "vitest";
import { isFiltered, neighboursOf, readFilters, withParams } from "./filters";

describe("readFilters", () => {
  it("reads what the URL says", () => {
    const filters = readFilters(new URLSearchParams("split=val&class=ants&finding=leaked&q=00"));
    expect(filters).toEqual({ split: "val", className: "ants", finding: "leaked", q: "00" });
    expect(isFiltered(filters)).toBe(true);
  });

  it("leaves out values that do not exist", () => {
    const filters = readFilters(new URLSearchParams("split=all&finding=odd"));
    expect(isFiltered(filters)).toBe(false);
  });
});

describe("withParams", () => {
  it("changes, adds and removes", () => {
    const params = new URLSearchParams("tab=images&split=val&image=3");
    expect(withParams(params, { split: "train", image: null })).toBe("?tab=images&split=train");
    expect(withParams(new URLSearchParams("q=a"), { q: "" })).toBe("");
  });

  it("keeps class names with other characters whole", () => {
    const search = withParams(new URLSearchParams(), { class: "fool's & gold+" });
    expect(new URLSearchParams(search).get("class")).toBe("fool's & gold+");
  });
});

describe("neighboursOf", () => {
  it("moves within the loaded images", () => {
    expect(neighboursOf([3, 7, 9], 7, false)).toEqual({ previous: 3, next: 9 });
    expect(neighboursOf([3, 7, 9], 9, false)).toEqual({ previous: 7, next: null });
  });

  it("counts on where no filter is set and the image is not loaded yet", () => {
    expect(neighboursOf([1, 2], 40, true)).toEqual({ previous: 39, next: 41 });
    expect(neighboursOf([1, 2], 40, false)).toEqual({ previous: null, next: null });
  });
});
