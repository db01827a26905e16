/** The entries of a model's event log as sentences. */

import type { Event } from "./queries";

type Payload = Record<string, unknown>;

/** Say what an event changed: "champion moved from version 2 to version 3". */
export function describe(event: Event): string {
  const { type, version, alias, from_version, payload } = event;
  const target = version == null ? "" : `version ${version}`;
  const from = from_version == null ? "" : ` from version ${from_version}`;
  const because = reasonOf(payload);
  switch (type) {
    case "registered":
      return `Registered ${target}`;
    case "alias_moved":
      return `${alias} moved${from} to ${target}${because}`;
    case "forced":
      return `${alias} moved${from} to ${target} without the gate${because}`;
    case "rolled_back":
      return `${alias} rolled back${from} to ${target}`;
    case "alias_deleted":
      return `Deleted the alias ${alias}`;
    case "promotion_refused":
      return `The gate refused ${target}${refusalOf(payload)}`;
    case "version_deleted":
      return `Deleted ${target}`;
    case "gate_set":
      return "Set the gate";
    case "gate_removed":
      return "Deleted the gate";
    case "chosen":
      return "Chosen for predictions";
    case "unchosen":
      return "No longer chosen for predictions";
    case "shadow_set":
      return "Set as shadow";
    case "shadow_removed":
      return "No longer a shadow";
    case "metadata_set":
      return "Changed the metadata";
  }
}

function reasonOf(payload: Payload): string {
  return typeof payload.reason === "string" ? `: ${payload.reason}` : "";
}

function refusalOf(payload: Payload): string {
  const reasons = (payload.verdict as { reasons?: string[] } | undefined)?.reasons ?? [];
  return reasons.length > 0 ? `: ${reasons.join("; ")}` : "";
}
