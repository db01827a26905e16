import { expect, test } from "vitest";
import { leavesGap, mergeRows } from "./rows";

test("pages join without doubles, newest first, with the newest state of each row", () => {
  const newest = [
    { id: "job_5", status: "running" },
    { id: "job_4", status: "succeeded" },
  ];
  const older = [
    { id: "job_4", status: "running" },
    { id: "job_3", status: "failed" },
  ];
  expect(mergeRows(newest, older)).toEqual([
    { id: "job_5", status: "running" },
    { id: "job_4", status: "succeeded" },
    { id: "job_3", status: "failed" },
  ]);
});

test("pages leave a gap once the newest page has moved past the older ones", () => {
  const older = { data: [{ id: "job_5" }, { id: "job_4" }] };
  const overlapping = { data: [{ id: "job_6" }, { id: "job_5" }], has_more: true };
  const beyond = { data: [{ id: "job_8" }, { id: "job_7" }], has_more: true };
  expect(leavesGap(overlapping, older)).toBe(false);
  expect(leavesGap(beyond, older)).toBe(true);
  expect(leavesGap(beyond, undefined)).toBe(false);
});
