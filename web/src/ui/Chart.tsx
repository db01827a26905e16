import "uplot/dist/uPlot.min.css";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { nameTick, padded, paddedShare, upToOne } from "./axes";
import styles from "./Chart.module.css";
import { resolveColor, watchTheme } from "./color";

/** Curves with more values than this are drawn as lines alone. */
const MAX_POINTS = 30;

export interface Series {
  label: string;
  values: readonly (number | null)[];
  /** Index of a categorical colour, from 1 to 6. */
  color: number;
  dashed?: boolean;
  /** The lower and upper edge of a band around the line. */
  band?: { low: readonly (number | null)[]; high: readonly (number | null)[] };
}

export interface ChartProps {
  label: string;
  x: readonly number[];
  xLabel: string;
  series: readonly Series[];
  format: (value: number) => string;
  /** Whether the values are shares of one, so that the y axis has no ticks above one. */
  isShare?: boolean;
  isLog?: boolean;
  /** Whether the x axis is logarithmic; `x` must be positive then. */
  isXLog?: boolean;
  /** The x value to mark, such as the best epoch. */
  mark?: number | null;
  height?: number;
}

/** Curves over a common x axis; the legend reads every series under the pointer. */
export default function Chart(props: ChartProps) {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shape = JSON.stringify([
    props.series.map(({ label, color, dashed, band }) => [
      label,
      color,
      dashed,
      band !== undefined,
    ]),
    props.isLog,
    props.isXLog,
    props.xLabel,
    props.height,
  ]);
  const latest = useRef(props);
  latest.current = props;

  // The plot is made anew where its lines change, and only gets new data otherwise.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the parts of the props that matter
  useEffect(() => {
    const host = element.current;
    if (!host) return undefined;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(
        makeOptions(latest, host.clientWidth || 300, getComputedStyle(host)),
        makeData(latest.current),
        host,
      );
    };
    make();
    const resize = new ResizeObserver(() => {
      plot.current?.setSize({ width: host.clientWidth, height: latest.current.height ?? 240 });
    });
    resize.observe(host);
    const unwatch = watchTheme(make);
    return () => {
      resize.disconnect();
      unwatch();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the data is all that changes here
  useEffect(() => {
    plot.current?.setData(makeData(props));
  }, [props.x, props.series, props.mark]);

  return <div ref={element} className={styles.chart} role="img" aria-label={props.label} />;
}

function makeData({ x, series }: ChartProps): uPlot.AlignedData {
  const columns: (readonly (number | null)[])[] = [];
  for (const one of series) {
    columns.push(one.values);
    if (one.band) columns.push(one.band.high, one.band.low);
  }
  return [[...x], ...columns.map((column) => [...column])] as uPlot.AlignedData;
}

function makeOptions(
  props: { current: ChartProps },
  width: number,
  style: CSSStyleDeclaration,
): uPlot.Options {
  const { series, isShare, isLog, isXLog, height = 240, xLabel } = props.current;
  // Read late, so that a new formatter needs no new plot.
  const format = (value: number) => props.current.format(value);
  const ink = resolveColor("--ink-3");
  const line = resolveColor("--line");
  const lines: uPlot.Series[] = [];
  const bands: uPlot.Band[] = [];
  for (const one of series) {
    const color = resolveColor(`--c${one.color}`);
    lines.push({
      label: one.label,
      stroke: color,
      width: one.dashed ? 1.6 : 2.2,
      ...(one.dashed ? { dash: [5, 4] } : {}),
      points: { show: (plot) => plot.data[0].length <= MAX_POINTS, size: 5 },
      spanGaps: true,
      value: (_plot, value) => (value == null ? "–" : format(value)),
    });
    if (one.band) {
      const edge: uPlot.Series = { stroke: "transparent", width: 0, points: { show: false } };
      const index = lines.length;
      lines.push(
        { ...edge, label: `${one.label}, upper` },
        { ...edge, label: `${one.label}, lower` },
      );
      bands.push({ series: [index + 1, index + 2], fill: withAlpha(color, 0.16) });
    }
  }
  const axis = {
    stroke: ink,
    font: `11px ${style.getPropertyValue("--font")}`,
    ticks: { show: false },
    grid: { stroke: line, width: 1 },
  } satisfies uPlot.Axis;
  return {
    width,
    height,
    padding: [12, 20, 0, 0],
    cursor: { points: { size: 7 }, y: false, drag: { x: true, y: false } },
    legend: { live: true, markers: { width: 2 } },
    scales: {
      x: { time: false, ...(isXLog ? { distr: 3 as const } : {}) },
      y: isLog ? { distr: 3 } : { range: isShare ? paddedShare : padded },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 30,
        ...(isXLog
          ? { values: (_plot: uPlot, ticks: number[]) => ticks.map(nameTick) }
          : { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] }),
      },
      {
        ...axis,
        size: 56,
        ...(isShare ? { filter: upToOne, grid: { ...axis.grid, filter: upToOne } } : {}),
        values: (_plot, ticks) => ticks.map((tick) => (tick == null ? "" : format(tick))),
      },
    ],
    series: [
      { label: xLabel, value: (_plot, value) => (value == null ? "–" : String(value)) },
      ...lines,
    ],
    bands,
    hooks: {
      draw: [(plot) => drawMark(plot, props.current, ink, resolveColor("--ink"), style)],
    },
  };
}

/** Mark one x value by a vertical line, and the first series' value there by its number. */
function drawMark(
  plot: uPlot,
  { mark, x: xs, series, format }: ChartProps,
  lineColor: string,
  textColor: string,
  style: CSSStyleDeclaration,
): void {
  if (mark == null) return;
  const x = plot.valToPos(mark, "x", true);
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  if (x < left - 1 || x > left + width + 1) return;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = lineColor;
  ctx.lineWidth = ratio;
  ctx.setLineDash([2 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, top + height);
  ctx.stroke();
  const value = series[0]?.values[xs.indexOf(mark)];
  if (value != null) {
    const y = plot.valToPos(value, "y", true);
    ctx.fillStyle = resolveColor(`--c${series[0]?.color ?? 1}`);
    ctx.beginPath();
    ctx.arc(x, y, 4 * ratio, 0, 2 * Math.PI);
    ctx.fill();
    const isRight = x > left + width / 2;
    const isAbove = y > top + 24 * ratio;
    ctx.fillStyle = textColor;
    ctx.font = `600 ${12 * ratio}px ${style.getPropertyValue("--font")}`;
    ctx.textAlign = isRight ? "right" : "left";
    ctx.textBaseline = isAbove ? "bottom" : "top";
    ctx.fillText(format(value), x + (isRight ? -8 : 8) * ratio, y + (isAbove ? -7 : 7) * ratio);
  }
  ctx.restore();
}

function withAlpha(color: string, alpha: number): string {
  return color.replace(/^rgb\(([^)]+)\)$/, `rgb($1 / ${alpha})`).replaceAll(", ", " ");
}
