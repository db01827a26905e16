import { expect, it, describe as suite } from "vitest";
import type { Event } from "./queries";
import { describe } from "./sentences";

function event(fields: Partial<Event>): Event {
  return {
    id: "ev_1",
    name: "bees",
    type: "registered",
    version: 3,
    alias: null,
    from_version: null,
    payload: {},
    created_at: "2026-01-01T00:00:00Z",
    ...fields,
  } as Event;
}

suite("describe", () => {
  it("names both versions of a moved alias", () => {
    const moved = event({ type: "alias_moved", alias: "champion", from_version: 2 });
    expect(describe(moved)).toBe("champion moved from version 2 to version 3");
  });

  it("names the classes that a version adds and removes", () => {
    const payload = { added: ["wasps"], removed: ["a", "b", "c", "d", "e", "f"] };
    const changed = event({ type: "classes_changed", from_version: 2, payload });
    expect(describe(changed)).toBe(
      "Version 3 has other classes than version 2: added wasps; removed a, b, c, d, e and 1 more",
    );
    const reordered = { ...changed, payload: { added: [], removed: [] } };
    expect(describe(reordered)).toBe(
      "Version 3 has other classes than version 2: the order changed",
    );
  });

  it("gives the reason of a forced promotion", () => {
    const forced = event({ type: "forced", alias: "champion", payload: { reason: "hornets" } });
    expect(describe(forced)).toBe("champion moved to version 3 without the gate: hornets");
  });

  it("says why the gate refused a version", () => {
    const refused = event({
      type: "promotion_refused",
      payload: { verdict: { reasons: ["worse"] } },
    });
    expect(describe(refused)).toBe("The gate refused version 3: worse");
  });
});
