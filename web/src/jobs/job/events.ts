import type { Schemas } from "@/api/client";

const MAX_CHARACTERS = 160;

/** The payload of an event in a few words. */
export function describeEvent(
  { type, payload }: Pick<Schemas["EventView"], "type" | "payload">,
  percent: (share: number) => string,
): string {
  const { epoch, val_accuracy: accuracy, is_best: isBest, reason, message, code } = payload;
  if (type === "epoch" && typeof accuracy === "number") {
    return `epoch ${epoch}: validation accuracy ${percent(accuracy)}${isBest ? ", the best so far" : ""}`;
  }
  if (typeof message === "string")
    return typeof code === "string" ? `${code}: ${message}` : message;
  if (typeof reason === "string") return reason.replaceAll("_", " ");
  const plain = Object.entries(payload)
    .filter(([, value]) => value !== null && value !== false && typeof value !== "object")
    .map(([name, value]) => `${name.replaceAll("_", " ")}: ${value}`)
    .join(", ");
  return plain.length > MAX_CHARACTERS ? `${plain.slice(0, MAX_CHARACTERS - 1)}…` : plain;
}
