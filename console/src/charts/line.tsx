/** A chart over time: one or more columns of a series, drawn by uPlot in the page's own colours. Dragging chooses a span. */
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "../state/theme";
import { mark, zone } from "../state/time";

export interface Line {
  label: string;
  values: (number | null)[];
  /** A CSS variable's name, without --. */
  colour: string;
  filled?: boolean;
  dashed?: boolean;
  /** Between what its value is thought to lie; not of stacked lines. */
  band?: { low: (number | null)[]; high: (number | null)[] };
}

interface Props {
  times: number[];
  lines: readonly Line[];
  height: number;
  show: (value: number) => string;
  label: string;
  /** Each line on top of those after it: the first line is the lowest band. */
  stacked?: boolean;
  /** Seconds from where on flows are still coming in. */
  incompleteFrom?: number | null;
  /** The step under the pointer; it moves with other charts that share it. */
  at?: Signal<number | null>;
  /** The line that is looked at; the others fade. */
  looked?: string | null;
  choose?: (from: number, to: number) => void;
}

const NARROWEST = 120;

export function LineChart({ times, lines, height, show, label, stacked, incompleteFrom, at, looked, choose }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const now = useRef({ times, show, incompleteFrom, choose });
  now.current = { times, show, incompleteFrom, choose };
  const kind = JSON.stringify([lines.map((line) => [line.label, line.colour, line.filled, line.dashed, line.band !== undefined]), stacked, height, theme.value, zone.value]);
  const data = [times, ...(stacked ? piled(lines) : [...lines.map((line) => line.values), ...edgesOf(lines)])] as uPlot.AlignedData;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const drawn = stacked ? lines.toReversed() : lines;
    const made = new uPlot(options(element, drawn, height, stacked ?? false, now, at), data, element);
    chart.current = made;
    const redo = (): void => made.setSize({ width: Math.max(NARROWEST, element.clientWidth), height });
    const watcher = new ResizeObserver(redo);
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [kind]);
  useEffect(() => {
    chart.current?.setData(data);
  }, [times, lines]);
  useEffect(() => {
    const made = chart.current;
    if (!made) return;
    const place = looked ? made.series.findIndex((series) => series.label === looked) : -1;
    made.setSeries(place > 0 ? place : (null as unknown as number), { focus: true });
  }, [looked, kind]);
  return <div class="chart" ref={box} role="img" aria-label={label} />;
}

/** The upper and the lower edge of each band, after all lines. */
const edgesOf = (lines: readonly Line[]): (number | null)[][] => lines.flatMap(({ band }) => (band ? [band.high, band.low] : []));

/** The topmost line first, as uPlot draws bands: each is the sum of itself and of all below it. */
function piled(lines: readonly Line[]): (number | null)[][] {
  const found: (number | null)[][] = [];
  let below: (number | null)[] = [];
  for (const line of lines) {
    below = line.values.map((value, at) => (value === null && (below[at] ?? null) === null ? null : (value ?? 0) + (below[at] ?? 0)));
    found.unshift(below);
  }
  return found;
}

interface Now {
  times: number[];
  show: (value: number) => string;
  incompleteFrom?: number | null | undefined;
  choose?: ((from: number, to: number) => void) | undefined;
}

function options(element: HTMLElement, drawn: readonly Line[], height: number, stacked: boolean, now: { current: Now }, at?: Signal<number | null>): uPlot.Options {
  const colour = (name: string): string => resolved(element, name);
  const banded = drawn.filter((line) => line.band);
  const axis = { stroke: colour("dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: `11px ${getComputedStyle(element).fontFamily}` };
  return {
    width: Math.max(NARROWEST, element.clientWidth),
    height,
    legend: { show: false },
    focus: { alpha: 0.25 },
    cursor: { y: false, points: { size: 6 }, sync: { key: "time" }, drag: { x: now.current.choose !== undefined, y: false, setScale: false } },
    axes: [
      { ...axis, size: 30, space: 90, values: (_, marks, __, ___, apart) => marks.map((one) => mark(one, apart)) },
      { ...axis, size: 72, space: 32, values: (_, marks) => marks.map((one) => now.current.show(one)) },
    ],
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
    series: [
      {},
      ...drawn.map((line) => ({
        label: line.label,
        stroke: colour(line.colour),
        width: stacked ? 1 : 1.75,
        points: { show: false },
        ...(line.dashed ? { dash: [6, 4] } : {}),
        ...(line.filled || stacked ? { fill: mixed(element, line.colour, stacked ? 62 : 20) } : {}),
      })),
      ...(stacked ? [] : banded.flatMap(() => [{ stroke: "transparent", points: { show: false } }, { stroke: "transparent", points: { show: false } }])),
    ],
    ...(!stacked && banded.length
      ? { bands: banded.map((line, place) => ({ series: [drawn.length + 1 + 2 * place, drawn.length + 2 + 2 * place] as [number, number], fill: faint(element, line.colour) })) }
      : {}),
    ...(stacked ? { bands: drawn.slice(1).map((_, place) => ({ series: [place + 1, place + 2] as [number, number] })) } : {}),
    tzDate: (seconds) => (zone.peek() === "UTC" ? uPlot.tzDate(new Date(seconds * 1_000), "Etc/UTC") : new Date(seconds * 1_000)),
    hooks: {
      drawClear: [(chart) => shade(chart, now.current.incompleteFrom, colour("line"))],
      setCursor: [
        (chart) => {
          if (at) at.value = chart.cursor.idx ?? null;
        },
      ],
      setSelect: [
        (chart) => {
          if (chart.select.width < 4) return;
          now.current.choose?.(chart.posToVal(chart.select.left, "x"), chart.posToVal(chart.select.left + chart.select.width, "x"));
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** Hatches the time of which flows are still coming in. */
function shade(chart: uPlot, from: number | null | undefined, colour: string): void {
  if (from === null || from === undefined) return;
  const { left, top, width, height } = chart.bbox;
  const start = Math.max(left, Math.min(left + width, chart.valToPos(from, "x", true)));
  if (start >= left + width - 1) return;
  hatch(chart.ctx, { left: start, top, width: left + width - start, height }, colour);
}

export function hatch(context: CanvasRenderingContext2D, box: { left: number; top: number; width: number; height: number }, colour: string): void {
  context.save();
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = devicePixelRatio;
  context.beginPath();
  const apart = 7 * devicePixelRatio;
  for (let x = box.left - box.height; x < box.left + box.width; x += apart) {
    context.moveTo(x, box.top + box.height);
    context.lineTo(x + box.height, box.top);
  }
  context.stroke();
  context.restore();
}

export const resolved = (element: Element, name: string): string => computedColour(element, `var(--${name})`);

/** So many percent of a colour over the page's background: opaque, so that bands do not shine through each other. */
const mixed = (element: Element, name: string, share: number): string => computedColour(element, `color-mix(in srgb, var(--${name}) ${share}%, var(--panel))`);

/** See-through: bands of several lines lie over each other. */
const faint = (element: Element, name: string): string => computedColour(element, `color-mix(in srgb, var(--${name}) 20%, transparent)`);

function computedColour(element: Element, colour: string): string {
  const probe = document.createElement("span");
  probe.style.color = colour;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
