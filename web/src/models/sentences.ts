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
    case "classes_changed":
      return `${capitalize(target)} has other classes than version ${from_version}${changesOf(payload)}`;
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

const MAX_NAMES = 5;

/** Name the classes that came and went: ": added bees; removed ants, wasps". */
function changesOf(payload: Payload): string {
  const parts = ["added", "removed"].flatMap((change) => {
    const names = (payload[change] as string[] | undefined) ?? [];
    if (names.length === 0) return [];
    const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
    return [`${change} ${names.slice(0, MAX_NAMES).join(", ")}${more}`];
  });
  return parts.length > 0 ? `: ${parts.join("; ")}` : ": the order changed";
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function refusalOf(payload: Payload): string {
  const reasons = (payload.verdict as { reasons?: string[] } | undefined)?.reasons ?? [];
  return reasons.length > 0 ? `: ${reasons.join("; ")}` : "";
}
