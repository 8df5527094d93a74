/** Findings on the time bar: a line from first to last seen, with a diamond where it began. Above them the gravest come first. */
import type { Window } from "../state/frame";
import { within, type Finding } from "../state/findings";

const LANES = 3;
const APART = 5;
/** Below the triangles of losses. */
const TOP = 11;

export interface Tick {
  from: number;
  to: number;
  /** It began within the bar. */
  begins: boolean;
  lane: number;
  grave: boolean;
}

/** In as few lanes as hold them; what no lane has room for is left out: its finding is on the page of findings. */
export function ticksOf(findings: readonly Finding[], whole: Window): Tick[] {
  const least = (whole.to - whole.from) / 120;
  const ends: number[] = [];
  return within(findings, whole.from, whole.to)
    .sort((a, b) => a.first - b.first)
    .flatMap((one) => {
      const [from, to] = [Math.max(one.first, whole.from), Math.min(whole.to, Math.max(one.open ? whole.to : one.last, one.first + least))];
      const free = ends.findIndex((end) => end < from);
      const lane = free >= 0 ? free : ends.length;
      if (lane >= LANES) return [];
      ends[lane] = to;
      return [{ from, to, begins: one.first >= whole.from, lane, grave: one.severity === "critical" }];
    });
}

export function drawTicks(context: CanvasRenderingContext2D, ticks: readonly Tick[], x: (at: number) => number, colour: (name: string) => string): void {
  for (const { from, to, begins, lane, grave } of ticks) {
    const [left, right, y] = [x(from), x(to), TOP + lane * APART];
    context.strokeStyle = context.fillStyle = colour(grave ? "bad" : "warn");
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(right, y);
    context.stroke();
    if (!begins) continue;
    context.beginPath();
    context.moveTo(left, y - 3.5);
    context.lineTo(left + 3.5, y);
    context.lineTo(left, y + 3.5);
    context.lineTo(left - 3.5, y);
    context.fill();
  }
}
