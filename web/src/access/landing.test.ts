import { expect, test } from "vitest";
import { failureOf, pageAfterSignIn } from "./landing";

test("a failed sign-in is told in words of the page, not of the address", () => {
  expect(failureOf("")).toBeUndefined();
  expect(failureOf("?problem=SIGN_IN_EXPIRED")).toContain("took too long");
  expect(failureOf("?problem=FORBIDDEN")).toContain("Ask an administrator");
  for (const made of ["Call 555-0100", "toString", "", "<b>"]) {
    expect(failureOf(`?${new URLSearchParams({ problem: made })}`)).toMatch(/^The sign-in failed/);
  }
});

test("after the sign-in a page of the dashboard follows", () => {
  const after = (next: string) =>
    pageAfterSignIn({ pathname: "/ui/sign-in", search: `?${new URLSearchParams({ next })}` });
  expect(after("/ui/jobs?q=ants")).toBe("/ui/jobs?q=ants");
  for (const bad of [
    "https://evil.example",
    "//evil.example",
    "/ui/\\evil",
    "/ui/sign-in?next=/ui/sign-in",
    `/ui/${"a".repeat(500)}`,
    "",
  ]) {
    expect(after(bad)).toBe("/ui/");
  }
  expect(pageAfterSignIn({ pathname: "/ui/sign-in", search: "" })).toBe("/ui/");
  expect(pageAfterSignIn({ pathname: "/ui/models", search: "?q=bees" })).toBe("/ui/models?q=bees");
});
