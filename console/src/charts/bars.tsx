/** Sums over time as bars on top of each other: for what is rare, and stands for itself. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Answer } from "../api/types";
import { groups, steps } from "../state/series";
import { instant, mark, shown } from "../state/time";

interface Props {
  answer: Answer;
  label: string;
  names: readonly string[];
  metric: string;
  show: (value: number) => string;
}

const HIGH = 96;
const AXIS = 20;
const TOP = 16;
const COLOURS = ["c1", "c3", "c6", "c0", "c2", "c4", "c5", "c7"];

export function Bars({ answer, label, names, metric, show }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const wide = useSignal(600);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => (wide.value = Math.max(240, Math.floor(entry?.contentRect.width ?? 600))));
    if (frame.current) watcher.observe(frame.current);
    return () => watcher.disconnect();
  }, []);
  const grid = steps(answer);
  const found = groups(answer, names, metric, grid, 0);
  const sums = grid.times.map((_, at) => found.reduce((sum, group) => sum + (group.values[at] ?? 0), 0));
  const most = Math.max(1, ...sums);
  const each = wide.value / Math.max(1, grid.times.length);
  const apart = Math.max(1, Math.ceil(90 / each));
  return (
    <div ref={frame} class="bars">
      <svg class="strip" width={wide.value} height={TOP + HIGH + AXIS} role="img" aria-label={label}>
        <text class="axis" x={0} y={11}>
          {show(most)} at most in {grid.step} s
        </text>
        <line x1={0} x2={wide.value} y1={TOP + HIGH} y2={TOP + HIGH} class="base" />
        {grid.times.map((time, at) => {
          let top = TOP + HIGH;
          return found.map((group, place) => {
            const value = group.values[at] ?? 0;
            if (!value) return null;
            const high = Math.max(2, (value / most) * HIGH);
            top -= high;
            return (
              <rect class={`bar ${COLOURS[place % COLOURS.length]}`} x={at * each} y={top} width={Math.max(3, each - 1)} height={high}>
                <title>
                  {group.label}, {shown(instant(time))}: {show(value)}
                </title>
              </rect>
            );
          });
        })}
        {grid.times.filter((_, at) => at % apart === 0 && at * each < wide.value - 40).map((time, at) => (
          <text class="axis" x={at * apart * each} y={TOP + HIGH + AXIS - 5}>
            {mark(time, grid.step * apart)}
          </text>
        ))}
      </svg>
      <p class="bar-legend">
        {found.map((group, place) => (
          <span>
            <span class={`swatch ${COLOURS[place % COLOURS.length]}`} aria-hidden="true" />
            {group.label.replace(" → ", " ")}
          </span>
        ))}
      </p>
    </div>
  );
}
