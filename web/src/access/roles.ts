/** Scopes and roles in words. */

import type { Schemas } from "@/api/client";

export type Scope = Schemas["CreateKey"]["scopes"] extends infer T
  ? NonNullable<T> extends (infer S)[]
    ? S
    : never
  : never;
export type Role = Schemas["MemberDetail"]["role"];

const READS: readonly Scope[] = ["datasets:read", "jobs:read", "models:read", "predict"];
const WRITES: readonly Scope[] = ["datasets:write", "jobs:write", "models:write"];

export const ROLES: readonly { role: Role; can: string }[] = [
  { role: "viewer", can: "Sees everything and predicts; changes nothing." },
  { role: "trainer", can: "Also uploads, trains, promotes and deletes." },
  { role: "admin", can: "Also manages keys and members, and reads the audit log." },
];

export const SCOPES: readonly { scope: Scope; can: string }[] = [
  { scope: "datasets:read", can: "see datasets and their images" },
  { scope: "datasets:write", can: "upload and delete datasets" },
  { scope: "jobs:read", can: "see jobs, reports and comparisons" },
  { scope: "jobs:write", can: "train, stop and delete jobs" },
  { scope: "models:read", can: "see and export models" },
  { scope: "models:write", can: "promote, evaluate and delete models" },
  { scope: "predict", can: "predict" },
  { scope: "metrics", can: "read metrics and the state of the whole service" },
  { scope: "admin", can: "everything in the tenant, with keys, members and audit log" },
];

/** The role that has exactly these scopes, or null. */
export function roleOf(scopes: readonly string[]): Role | null {
  if (scopes.includes("admin")) return "admin";
  const equals = (role: readonly string[]) =>
    role.length === scopes.length && role.every((scope) => scopes.includes(scope));
  if (equals([...READS, ...WRITES])) return "trainer";
  return equals(READS) ? "viewer" : null;
}

/** A role, or the scopes themselves, in one line. */
export function describeScopes(scopes: readonly string[]): string {
  return roleOf(scopes) ?? scopes.join(", ");
}
