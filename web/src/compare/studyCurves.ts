import type { Schemas } from "@/api/client";
import type { Series } from "@/ui/Chart";
import { colorOf } from "./curves";

export interface StudyCurves {
  data: { trial: number; name: string; val_accuracy: Schemas["CurvePoint"][] }[];
}

/** The mean curves of some trials with their bands, over all epochs that any of them has. */
export function makeBands(
  curves: StudyCurves,
  trials: readonly number[],
): { x: number[]; series: Series[] } {
  const chosen = trials.flatMap((trial) => curves.data.find((one) => one.trial === trial) ?? []);
  const epochs = new Set(
    chosen.flatMap(({ val_accuracy }) => val_accuracy.map((point) => point.epoch)),
  );
  const x = [...epochs].sort((a, b) => a - b);
  const series = chosen.map(({ name, val_accuracy }, index) => {
    const points = new Map(val_accuracy.map((point) => [point.epoch, point]));
    const at = (key: "mean" | "low" | "high") => x.map((epoch) => points.get(epoch)?.[key] ?? null);
    const hasBand = val_accuracy.some((point) => point.low != null);
    return {
      label: name,
      color: colorOf(index),
      values: at("mean"),
      ...(hasBand ? { band: { low: at("low"), high: at("high") } } : {}),
    };
  });
  return { x, series };
}
