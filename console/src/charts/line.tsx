/** A small chart over time: one or more columns of a series, drawn by uPlot in the page's own colours. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { theme } from "../state/theme";

export interface Line {
  label: string;
  values: (number | null)[];
  /** A CSS variable's name, without --. */
  colour: string;
  filled?: boolean;
}

interface Props {
  times: number[];
  lines: readonly Line[];
  height: number;
  show: (value: number) => string;
  label: string;
}

export function LineChart({ times, lines, height, show, label }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const kind = lines.map((line) => line.label + line.colour).join();
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const style = getComputedStyle(element);
    const colour = (name: string): string => resolved(element, name);
    const made = new uPlot(
      {
        width: Math.max(120, element.clientWidth),
        height,
        legend: { live: lines.length > 1, show: lines.length > 1 },
        cursor: { points: { size: 6 }, drag: { x: false, y: false } },
        axes: [
          { stroke: colour("dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: `11px ${style.fontFamily}` },
          { stroke: colour("dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, size: 66, font: `11px ${style.fontFamily}`, values: (_, ticks) => ticks.map(show) },
        ],
        scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] } },
        series: [
          {},
          ...lines.map((line) => ({
            label: line.label,
            stroke: colour(line.colour),
            width: 1.75,
            points: { show: false },
            value: (_: uPlot, value: number | null) => (value === null ? "–" : show(value)),
            ...(line.filled ? { fill: `color-mix(in srgb, ${colour(line.colour)} 22%, transparent)` } : {}),
          })),
        ],
        tzDate: (at) => uPlot.tzDate(new Date(at * 1_000), "Etc/UTC"),
      },
      [times, ...lines.map((line) => line.values)],
      element,
    );
    chart.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: Math.max(120, element.clientWidth), height }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [kind, height, theme.value]);
  useEffect(() => {
    chart.current?.setData([times, ...lines.map((line) => line.values)]);
  }, [times, lines]);
  return <div class="chart" ref={box} role="img" aria-label={label} />;
}

export function resolved(element: Element, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
