/** Places for a map of many shapes: each group an island, its shapes on a grid, the islands packed in rows. */
import { BOX, compare, type Input, type Pitch, type Places } from "./plane";

export const ISLAND_PITCH: Pitch = { x: BOX.width + 28, y: BOX.height + 18 };
const STEP_X = ISLAND_PITCH.x;
const STEP_Y = ISLAND_PITCH.y;
/** Between islands, where their names stand. */
export const SHORE = 150;

/** The island of a shape: its namespace, or the first word of its name. */
export function islandOf(label: string): string {
  const slash = label.indexOf("/");
  if (slash > 0) return label.slice(0, slash);
  return /^[^-_.]+/.exec(label)?.[0] ?? label;
}

export function islands({ labels, keys }: Input): Places {
  const members = new Map<string, number[]>();
  labels.forEach((label, at) => {
    const name = islandOf(label);
    const own = members.get(name);
    if (own) own.push(at);
    else members.set(name, [at]);
  });
  const names = [...members.keys()].sort();
  const sides = names.map((name) => Math.ceil(Math.sqrt((members.get(name)?.length ?? 0) * 0.45)));
  const area = sides.reduce((sum, side, at) => sum + side * STEP_X * Math.ceil((members.get(names[at] ?? "")?.length ?? 0) / side) * STEP_Y, 0);
  const width = Math.sqrt(area) * 1.9;
  const x = new Float64Array(labels.length);
  const y = new Float64Array(labels.length);
  let left = 0;
  let top = 0;
  let tall = 0;
  names.forEach((name, at) => {
    const own = (members.get(name) ?? []).sort((a, b) => compare(keys[a], keys[b]));
    const side = sides[at] ?? 1;
    const rows = Math.ceil(own.length / side);
    if (left > 0 && left + side * STEP_X > width) {
      left = 0;
      top += tall + SHORE;
      tall = 0;
    }
    own.forEach((shape, place) => {
      x[shape] = left + (place % side) * STEP_X;
      y[shape] = top + Math.floor(place / side) * STEP_Y;
    });
    left += side * STEP_X + SHORE;
    tall = Math.max(tall, rows * STEP_Y);
  });
  return { x, y };
}
