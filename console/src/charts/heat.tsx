/** Groups by time: the darker, the more. Each row has its own label, and what lies under the pointer is said below. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Group } from "../pages/explore";
import { instant, shown } from "../state/time";
import { theme } from "../state/theme";
import { resolved } from "./line";

const ROW = 26;
const LEFT = 190;

export function Heat({ times, rows, show }: { times: number[]; rows: readonly Group[]; show: (value: number) => string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const said = useSignal("");
  const dark = theme.value;
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const paint = (): void => drawHeat(element, times, rows);
    paint();
    const watcher = new ResizeObserver(paint);
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [times, rows, dark]);
  return (
    <div>
      <canvas
        ref={canvas}
        style={{ width: "100%", height: `${rows.length * ROW + 20}px` }}
        role="img"
        aria-label="Heat map"
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const row = rows[Math.floor((event.clientY - box.top) / ROW)];
          const at = Math.floor(((event.clientX - box.left - LEFT) / (box.width - LEFT)) * times.length);
          const value = row?.values[at] ?? null;
          said.value = row && at >= 0 && times[at] !== undefined ? `${row.label}, ${shown(instant(times[at]))}: ${value === null ? "no sample" : show(value)}` : "";
        }}
      />
      <output>{said.value || " "}</output>
    </div>
  );
}

function drawHeat(canvas: HTMLCanvasElement, times: number[], rows: readonly Group[]): void {
  const box = canvas.getBoundingClientRect();
  const context = canvas.getContext("2d");
  if (!context) return;
  canvas.width = Math.round(box.width * devicePixelRatio);
  canvas.height = Math.round(box.height * devicePixelRatio);
  context.scale(devicePixelRatio, devicePixelRatio);
  const colour = resolved(canvas.parentElement ?? canvas, "accent");
  const ink = resolved(canvas.parentElement ?? canvas, "ink");
  const most = Math.max(1, ...rows.flatMap((row) => row.values.map((value) => value ?? 0)));
  const wide = (box.width - LEFT) / Math.max(1, times.length);
  context.font = "12px system-ui, 'Liberation Sans', sans-serif";
  context.textBaseline = "middle";
  rows.forEach((row, at) => {
    context.globalAlpha = 1;
    context.fillStyle = ink;
    context.fillText(row.label, 0, at * ROW + ROW / 2, LEFT - 10);
    context.fillStyle = colour;
    row.values.forEach((value, place) => {
      if (!value) return;
      context.globalAlpha = 0.12 + 0.88 * (Math.log1p(value) / Math.log1p(most)) ** 2;
      context.fillRect(LEFT + place * wide, at * ROW + 2, Math.max(1, wide - 0.5), ROW - 4);
    });
  });
  context.globalAlpha = 1;
}
