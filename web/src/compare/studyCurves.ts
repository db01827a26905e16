import type { Schemas } from "@/api/client";
import type { Series } from "@/ui/Chart";
import { colorOf } from "./curves";

/** The mean accuracy curves of configurations with their bands, over all their epochs. */
export function makeBands(curves: readonly Schemas["ConfigurationCurve"][]): {
  x: number[];
  series: Series[];
} {
  const drawn = curves.filter(({ data }) => data.length > 0);
  const epochs = new Set(drawn.flatMap(({ data }) => data.map((point) => point.epoch)));
  const x = [...epochs].sort((a, b) => a - b);
  const series = drawn.map(({ name, data }, index) => {
    const bands = new Map(data.map((point) => [point.epoch, point.val_accuracy]));
    const at = (key: "mean" | "low" | "high") => x.map((epoch) => bands.get(epoch)?.[key] ?? null);
    const hasBand = data.some((point) => point.num_runs > 1);
    return {
      label: name,
      color: colorOf(index),
      values: at("mean"),
      ...(hasBand ? { band: { low: at("low"), high: at("high") } } : {}),
    };
  });
  return { x, series };
}
