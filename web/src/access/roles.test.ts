import { describe, expect, it } from "vitest";
import { describeScopes, roleOf, SCOPES } from "./roles";

describe("roles", () => {
  it("are found by their scopes in any order", () => {
    expect(roleOf(["predict", "models:read", "jobs:read", "datasets:read"])).toBe("viewer");
    expect(roleOf(["admin"])).toBe("admin");
    expect(roleOf(SCOPES.map(({ scope }) => scope))).toBe("admin");
    expect(roleOf(["predict"])).toBeNull();
    expect(roleOf(["predict", "models:read", "jobs:read", "datasets:write"])).toBeNull();
  });

  it("are shown as their scopes where there is no role", () => {
    expect(describeScopes(["predict", "metrics"])).toBe("predict, metrics");
  });
});
