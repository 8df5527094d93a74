/** Places that stay: a shape that was there before keeps its place, a new one takes the free place nearest to where the layout wants it. */
import { BOX, type Places } from "./layered";

export type Kept = Map<string, readonly [number, number]>;

const STEP_X = BOX.width + 24;
const STEP_Y = BOX.height + BOX.gapY;

/** Changes `kept`, which then has every key. `wanted`: of all keys, from a layout. */
export function settle(keys: string[], wanted: Places, kept: Kept): Places {
  const known = keys.filter((key) => kept.has(key));
  if (known.length < keys.length / 3) {
    for (const key of known) kept.delete(key);
  }
  const shift = offset(keys, wanted, kept);
  const taken: (readonly [number, number])[] = keys.flatMap((key) => {
    const place = kept.get(key);
    return place ? [place] : [];
  });
  keys.forEach((key, at) => {
    if (kept.has(key)) return;
    const place = nearestFree((wanted.x[at] ?? 0) + shift[0], (wanted.y[at] ?? 0) + shift[1], taken);
    kept.set(key, place);
    taken.push(place);
  });
  const x = Float64Array.from(keys, (key) => kept.get(key)?.[0] ?? 0);
  const y = Float64Array.from(keys, (key) => kept.get(key)?.[1] ?? 0);
  return { x, y };
}

/** How far what is kept stands from where the layout would have it, in the middle. */
function offset(keys: string[], wanted: Places, kept: Kept): readonly [number, number] {
  const dx: number[] = [];
  const dy: number[] = [];
  keys.forEach((key, at) => {
    const place = kept.get(key);
    if (!place) return;
    dx.push(place[0] - (wanted.x[at] ?? 0));
    dy.push(place[1] - (wanted.y[at] ?? 0));
  });
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
  return [middle(dx), middle(dy)];
}

function nearestFree(x: number, y: number, taken: (readonly [number, number])[]): readonly [number, number] {
  const free = (px: number, py: number): boolean => taken.every(([tx, ty]) => Math.abs(tx - px) >= STEP_X || Math.abs(ty - py) >= STEP_Y);
  for (let ring = 0; ring < 200; ring += 1) {
    let best: readonly [number, number] | null = null;
    for (let dx = -ring; dx <= ring; dx += 1) {
      for (const dy of Math.abs(dx) === ring ? range(ring) : [-ring, ring]) {
        const px = x + (dx * STEP_X) / 2;
        const py = y + (dy * STEP_Y) / 2;
        if (!free(px, py)) continue;
        if (!best || Math.hypot(px - x, py - y) < Math.hypot(best[0] - x, best[1] - y)) best = [px, py];
      }
    }
    if (best) return best;
  }
  return [x, y];
}

const range = (ring: number): number[] => Array.from({ length: 2 * ring + 1 }, (_, at) => at - ring);
