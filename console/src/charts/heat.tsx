/** Groups by time: the darker, the more. What lies under the pointer is said above; a click keeps only that row. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Group } from "../state/series";
import { theme } from "../state/theme";
import { instant, mark, shown, zone } from "../state/time";
import { hatch, resolved } from "./line";

const ROW = 30;
const LEFT = 190;
const AXIS = 22;

interface Props {
  times: number[];
  rows: readonly Group[];
  show: (value: number) => string;
  incompleteFrom: number | null;
  pick: (names: readonly string[]) => void;
  choose: (from: number, to: number) => void;
}

export function Heat({ times, rows, show, incompleteFrom, pick, choose }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const said = useSignal("");
  const looks = `${theme.value} ${zone.value}`;
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const paint = (): void => drawHeat(element, times, rows, incompleteFrom);
    paint();
    const watcher = new ResizeObserver(paint);
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [times, rows, looks]);
  const under = (event: PointerEvent | MouseEvent): { row: Group | undefined; at: number } => {
    const box = canvas.current?.getBoundingClientRect() ?? new DOMRect();
    return { row: rows[Math.floor((event.clientY - box.top) / ROW)], at: Math.floor(((event.clientX - box.left - LEFT) / (box.width - LEFT)) * times.length) };
  };
  return (
    <div class="heat">
      <output>{said.value || "Darker is more. A click on a name keeps it; a click on a cell goes to that time."}</output>
      <canvas
        ref={canvas}
        style={{ height: `${rows.length * ROW + AXIS}px` }}
        role="img"
        aria-label="Heat map; the table has the same numbers"
        onPointerMove={(event) => {
          const { row, at } = under(event);
          const value = row?.values[at] ?? null;
          said.value = row && times[at] !== undefined ? `${row.label}, ${shown(instant(times[at]))}: ${value === null ? "no sample" : show(value)}` : "";
        }}
        onPointerLeave={() => (said.value = "")}
        onClick={(event) => {
          const { row, at } = under(event);
          const from = times[at];
          if (at < 0 && row?.names) pick(row.names);
          else if (from !== undefined) choose(from, times[at + 1] ?? from + (times[1] ?? from + 60) - (times[0] ?? from));
        }}
      />
    </div>
  );
}

function drawHeat(canvas: HTMLCanvasElement, times: number[], rows: readonly Group[], incompleteFrom: number | null): void {
  const box = canvas.getBoundingClientRect();
  const context = canvas.getContext("2d");
  if (!context || !box.width) return;
  canvas.width = Math.round(box.width * devicePixelRatio);
  canvas.height = Math.round(box.height * devicePixelRatio);
  context.scale(devicePixelRatio, devicePixelRatio);
  const parent = canvas.parentElement ?? canvas;
  const [colour, ink, dim, line] = ["accent", "ink", "dim", "line"].map((name) => resolved(parent, name));
  const most = Math.max(1, ...rows.flatMap((row) => row.values.map((value) => value ?? 0)));
  const wide = (box.width - LEFT) / Math.max(1, times.length);
  context.font = `13px ${getComputedStyle(canvas).fontFamily}`;
  context.textBaseline = "middle";
  rows.forEach((row, at) => {
    context.globalAlpha = 1;
    context.fillStyle = ink ?? "";
    context.fillText(shortened(context, row.label, LEFT - 12), 0, at * ROW + ROW / 2);
    context.fillStyle = colour ?? "";
    row.values.forEach((value, place) => {
      if (!value) return;
      context.globalAlpha = 0.08 + 0.92 * (value / most) ** 0.6;
      context.fillRect(LEFT + place * wide, at * ROW + 1, Math.max(1, wide - 0.5), ROW - 2);
    });
  });
  context.globalAlpha = 1;
  const first = times[0] ?? 0;
  const step = (times[1] ?? first + 60) - first;
  if (incompleteFrom !== null) {
    const start = LEFT + Math.max(0, (incompleteFrom - first) / step) * wide;
    hatch(context, { left: start, top: 0, width: Math.max(0, box.width - start), height: rows.length * ROW }, line ?? "");
  }
  context.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  context.fillStyle = dim ?? "";
  const each = Math.ceil(90 / wide);
  for (let place = 0; place < times.length - each / 3; place += each) {
    context.fillText(mark(times[place] ?? 0, step * each), LEFT + place * wide, rows.length * ROW + AXIS / 2 + 2);
  }
}

export function shortened(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > room) end -= 1;
  return `${text.slice(0, end)}…`;
}
