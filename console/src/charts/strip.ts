/** The strip of the time bar: bars of traffic, failures below them, losses above them, and the span that is looked at. */
import { bytes, number } from "../state/format";
import type { Answer } from "../api/types";
import type { Window } from "../state/frame";
import { steps, summed } from "../state/series";
import { mark } from "../state/time";
import { drawTicks, type Tick } from "./finding-ticks";
import { hatch } from "./line";

export interface Strip {
  times: number[];
  step: number;
  /** Bytes by the second; null: still coming in. */
  traffic: (number | null)[];
  failed: number[];
  lost: number[];
  most: number;
}

const AXIS = 15;
const LOSS = 5;

export function stripOf(answer: Answer | null, losses: Answer | null): Strip | null {
  if (!answer) return null;
  const grid = steps(answer);
  const traffic = summed(answer, "bytes", grid).map((value, at) => (grid.covered[at] ? (value ?? 0) / (grid.covered[at] ?? 1) : null));
  return {
    times: grid.times,
    step: grid.step,
    traffic,
    failed: summed(answer, "connections_failed", grid).map((value) => value ?? 0),
    lost: lostBy(losses, grid.times, grid.step),
    most: Math.max(0, ...traffic.map((value) => value ?? 0)),
  };
}

function lostBy(losses: Answer | null, times: readonly number[], step: number): number[] {
  const found = times.map(() => 0);
  const first = times[0] ?? 0;
  const when = losses?.data["time"] ?? losses?.data["step"] ?? losses?.data["first"] ?? [];
  when.forEach((time, row) => {
    const at = Math.floor((Date.parse(String(time)) / 1_000 - first) / step);
    if (at in found) found[at] = (found[at] ?? 0) + Math.max(1, number(losses?.data["bytes"]?.[row]));
  });
  return found;
}

/** What stands at one place of the strip, in words. */
export function saidAt(strip: Strip, place: number): string {
  const traffic = strip.traffic[place];
  const failed = strip.failed[place] ?? 0;
  const lost = strip.lost[place] ?? 0;
  return [
    traffic === null || traffic === undefined ? "still coming in" : `${bytes(traffic)}/s`,
    failed ? `${failed} connections failed` : "",
    lost ? `${bytes(lost)} lost` : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

export function drawStrip(canvas: HTMLCanvasElement, strip: Strip | null, whole: Window, looked: Window, ticks: readonly Tick[]): void {
  const box = canvas.getBoundingClientRect();
  const context = canvas.getContext("2d");
  if (!context || !box.width) return;
  canvas.width = Math.round(box.width * devicePixelRatio);
  canvas.height = Math.round(box.height * devicePixelRatio);
  context.scale(devicePixelRatio, devicePixelRatio);
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`);
  const x = (at: number): number => ((at - whole.from) / (whole.to - whole.from)) * box.width;
  const room = box.height - AXIS;
  if (strip) drawBars(context, strip, x, room, colour);
  const [left, right] = [x(looked.from), Math.max(x(looked.from) + 3, x(looked.to))];
  context.fillStyle = colour("chosen");
  context.fillRect(left, 0, right - left, room);
  context.strokeStyle = colour("chosen-line");
  context.lineWidth = 1;
  context.strokeRect(left + 0.5, 0.5, right - left - 1, room - 1);
  context.fillStyle = colour("chosen-line");
  for (const edge of [left + 1, right - 4]) context.fillRect(edge, room / 2 - 7, 3, 14);
  drawTicks(context, ticks, x, colour);
  drawAxis(context, whole, box, style);
}

function drawBars(context: CanvasRenderingContext2D, strip: Strip, x: (at: number) => number, room: number, colour: (name: string) => string): void {
  const high = room - LOSS - 3;
  strip.times.forEach((time, place) => {
    const left = x(time);
    const wide = Math.max(1, x(time + strip.step) - left - 0.6);
    const traffic = strip.traffic[place];
    if (traffic === null || traffic === undefined) {
      hatch(context, { left, top: LOSS + 3, width: wide, height: high }, colour("line"));
    } else if (strip.most > 0) {
      const tall = (traffic / strip.most) * high;
      context.fillStyle = colour("bar");
      context.fillRect(left, room - tall, wide, tall);
    }
    if (strip.failed[place]) {
      context.fillStyle = colour("bad-bar");
      context.fillRect(left, room - 3, wide, 3);
    }
    if (strip.lost[place]) {
      context.fillStyle = colour("warn");
      const middle = left + wide / 2;
      context.beginPath();
      context.moveTo(middle - 4, 0);
      context.lineTo(middle + 4, 0);
      context.lineTo(middle, LOSS + 1);
      context.fill();
    }
  });
}

const NICE = [10, 30, 60, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];

function drawAxis(context: CanvasRenderingContext2D, whole: Window, box: DOMRect, style: CSSStyleDeclaration): void {
  const apart = NICE.find((step) => ((whole.to - whole.from) / step) * 88 <= box.width) ?? 31_536_000;
  context.fillStyle = style.color;
  context.font = `11px ${style.fontFamily}`;
  context.textBaseline = "bottom";
  context.textAlign = "center";
  for (let at = Math.ceil(whole.from / apart) * apart; at <= whole.to; at += apart) {
    const place = ((at - whole.from) / (whole.to - whole.from)) * box.width;
    if (place > 26 && place < box.width - 26) context.fillText(mark(at, apart), place, box.height);
  }
}
