import { Suspense } from "react";
import type { ChartProps } from "./Chart";
import { lazy } from "./lazy";
import { Skeleton } from "./States";

const Chart = lazy(() => import("./Chart"));

/** A chart whose library loads when the first one is shown. */
export function LazyChart(props: ChartProps) {
  return (
    <Suspense fallback={<Skeleton lines={6} label="Loading the chart" />}>
      <Chart {...props} />
    </Suspense>
  );
}
