import { describe, expect, it } from "vitest";
import { NO_FILTERS, readFilters, toQuery, writeFilters } from "./filters";

describe("filters of the audit log", () => {
  it("survive the URL", () => {
    const filters = { ...NO_FILTERS, action: "job.deleted", to: "2026-11-28" };
    expect(readFilters(new URLSearchParams(writeFilters(filters)))).toEqual(filters);
    expect(writeFilters(NO_FILTERS)).toEqual({});
  });

  it("include both days", () => {
    const { since, until } = toQuery({ ...NO_FILTERS, from: "2026-11-28", to: "2026-11-28" });
    expect(Date.parse(until ?? "") - Date.parse(since ?? "")).toBe(86_400_000);
    expect(new Date(since ?? "").getHours()).toBe(0);
  });

  it("leave out what is no day", () => {
    expect(toQuery({ ...NO_FILTERS, from: "yesterday", principal: "key_1" })).toEqual({
      principal_id: "key_1",
    });
  });
});
