/** The time bar as numbers: which time it shows around what is looked at, and what a drag over it means. Seconds everywhere. */
export interface Window {
  from: number;
  to: number;
}

/** How much more than what is looked at is shown around it. */
const AROUND = 4;
const EDGE_PX = 7;
const CLICK_PX = 4;

export function around(looked: Window, now: number): Window {
  const size = looked.to - looked.from;
  const end = Math.min(now, looked.to + (size * (AROUND - 1)) / 2);
  return { from: Math.floor(end - size * AROUND), to: Math.ceil(Math.max(end, looked.to)) };
}

export type Grip = "move" | "start" | "end" | "new";

/** What a press at `x` takes hold of: the span, one of its ends, or nothing, which begins a new one. */
export function gripAt(x: number, start: number, end: number): Grip {
  if (Math.abs(x - end) <= EDGE_PX && end - start > 3 * EDGE_PX) return "end";
  if (Math.abs(x - start) <= EDGE_PX && end - start > 3 * EDGE_PX) return "start";
  return x > start && x < end ? "move" : "new";
}

/** The step to which a drag snaps: no finer than a pixel, no finer than a window. */
export function snap(secondsPerPixel: number, window: number): number {
  return [window, 60, 300, 900, 3_600, 21_600, 86_400].find((step) => step >= window && step >= secondsPerPixel) ?? 86_400;
}

/** The span after a drag from `at` to `to`. A new one that is hardly wider than a click is as long as the one before, around the click. */
export function dragged(grip: Grip, before: Window, at: number, to: number, step: number, secondsPerPixel: number, now: number): Window {
  const round = (time: number): number => Math.round(time / step) * step;
  const size = before.to - before.from;
  const least = Math.max(step, 10);
  if (grip === "move") {
    const end = Math.min(now, round(before.to + to - at));
    return { from: end - size, to: end };
  }
  if (grip === "start") return { from: Math.min(round(to), before.to - least), to: before.to };
  if (grip === "end") return { from: before.from, to: Math.min(now, Math.max(round(to), before.from + least)) };
  if (Math.abs(to - at) < CLICK_PX * secondsPerPixel) {
    const end = Math.min(now, round(to + size / 2));
    return { from: end - size, to: end };
  }
  const [low, high] = [round(Math.min(at, to)), round(Math.max(at, to))];
  return { from: low, to: Math.min(now, Math.max(high, low + least)) };
}
