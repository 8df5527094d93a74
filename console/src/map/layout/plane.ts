/** The plane that shapes stand on: boxes of one size, whose middles have places. */
export const BOX = { width: 168, height: 44 };

/** From one column to the next, and from one box of a column to the next. The gaps are where edges run. */
export interface Pitch {
  x: number;
  y: number;
}
export const PITCH: Pitch = { x: 264, y: 64 };

export type Point = readonly [number, number];

/** What a layout is made from. */
export interface Input {
  keys: string[];
  labels: string[];
  source: ArrayLike<number>;
  target: ArrayLike<number>;
  weight: ArrayLike<number>;
}

/** Middles, in the order of the keys. */
export interface Places {
  x: Float64Array;
  y: Float64Array;
}

export const compare = (a = "", b = ""): number => (a < b ? -1 : a > b ? 1 : 0);

/** The same, in the order of names: a layout of it does not depend on the order of rows. `order`: which row each was. */
export function sorted(input: Input): { input: Input; order: number[] } {
  const order = input.keys.map((_, at) => at).sort((a, b) => compare(input.keys[a], input.keys[b]));
  const place = new Int32Array(order.length);
  order.forEach((old, at) => (place[old] = at));
  const edges = Array.from(input.source, (from, at) => [place[from] ?? 0, place[input.target[at] ?? 0] ?? 0, input.weight[at] ?? 0] as const);
  edges.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return {
    order,
    input: {
      keys: order.map((at) => input.keys[at] ?? ""),
      labels: order.map((at) => input.labels[at] ?? ""),
      source: edges.map((edge) => edge[0]),
      target: edges.map((edge) => edge[1]),
      weight: edges.map((edge) => edge[2]),
    },
  };
}
