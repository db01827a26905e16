/** The ranges and ticks of a chart's axes. */

import { short } from "@/format";

type Range = [number, number];

/** The room above and below curves, as a share of their range. */
const ROOM = 0.06;

/** Leave a little room above and below the curves; a constant curve gets room as well. */
export function padded(_plot: unknown, low: number | null, high: number | null): Range {
  if (low == null || high == null) return [0, 1];
  return addRoom(low, high, Math.max(Math.abs(high) * 1e-3, 1e-9));
}

/** Like `padded`, but with enough room that the ticks differ in the first decimal of a percent. */
export function paddedShare(_plot: unknown, low: number | null, high: number | null): Range {
  if (low == null || high == null) return [0, 1];
  const [bottom, top] = addRoom(low, high, 0.04);
  return [bottom, Math.min(top, 1 + ROOM * (1 - bottom))];
}

/** Drop the ticks above one. */
export function upToOne(_plot: unknown, ticks: readonly number[]): (number | null)[] {
  return ticks.map((tick) => (tick > 1 + 1e-9 ? null : tick));
}

/** Name the powers of ten of a logarithmic axis alone. */
export function nameTick(tick: number | null): string {
  return tick == null || !Number.isInteger(Math.log10(tick)) ? "" : short(tick);
}

function addRoom(low: number, high: number, least: number): Range {
  const room = Math.max((high - low) * ROOM, least);
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}
