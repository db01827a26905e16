// @vitest-environment node
import { describe, expect, it } from "vitest";
import { idOf, isPassing } from "./parts";

describe("isPassing", () => {
  it("goes on after a lost connection, a restart and a lock", () => {
    expect([0, 423, 503].map(isPassing)).toEqual([true, true, true]);
  });

  it("stops where the same request fails again, or a person has to act", () => {
    expect([404, 413, 422, 507].map(isPassing)).toEqual([false, false, false, false]);
  });
});

describe("idOf", () => {
  it("is the last part of an address", () => {
    expect(idOf("http://127.0.0.1:8000/uploads/upl_1")).toBe("upl_1");
  });
});
