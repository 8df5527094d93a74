/**
 * Places for a map of few shapes: callers left of those they call, in columns. No two boxes touch, so that no two labels do.
 * The same input gives the same places, whatever the order of its rows.
 */

export const BOX = { width: 168, height: 44, gapX: 120, gapY: 20 };

export interface Input {
  keys: string[];
  source: ArrayLike<number>;
  target: ArrayLike<number>;
  weight: ArrayLike<number>;
}

/** Centres, in the order of the keys. */
export interface Places {
  x: Float64Array;
  y: Float64Array;
}

export const ROWS = 14;

export function layered(input: Input): Places {
  const count = input.keys.length;
  const edges = ordered(input);
  const rank = ranks(count, edges);
  const columns = split(count, rank, input.keys);
  for (let sweep = 0; sweep < 8; sweep += 1) align(columns, edges, sweep % 2 === 0);
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  columns.forEach((column, at) => {
    column.forEach((shape, row) => {
      x[shape] = at * (BOX.width + BOX.gapX);
      y[shape] = (row - (column.length - 1) / 2) * (BOX.height + BOX.gapY);
    });
  });
  return { x, y };
}

interface Edge {
  from: number;
  to: number;
  weight: number;
}

/** Heaviest first, ties by name: what breaks a circle is its lightest call. */
function ordered(input: Input): Edge[] {
  const edges: Edge[] = [];
  for (let at = 0; at < input.source.length; at += 1) {
    const from = input.source[at] ?? 0;
    const to = input.target[at] ?? 0;
    if (from !== to) edges.push({ from, to, weight: input.weight[at] ?? 0 });
  }
  const name = (edge: Edge): string => `${input.keys[edge.from]}\n${input.keys[edge.to]}`;
  return edges.sort((a, b) => b.weight - a.weight || (name(a) < name(b) ? -1 : 1));
}

/** Longest way from a shape that nobody calls, over the edges that close no circle. */
function ranks(count: number, edges: Edge[]): Int32Array {
  const after: number[][] = Array.from({ length: count }, () => []);
  const reaches = (from: number, to: number): boolean => {
    const seen = new Uint8Array(count);
    const pending = [from];
    while (pending.length) {
      const at = pending.pop() ?? 0;
      if (at === to) return true;
      if (seen[at]) continue;
      seen[at] = 1;
      pending.push(...(after[at] ?? []));
    }
    return false;
  };
  const before = new Int32Array(count);
  for (const { from, to } of edges) {
    if (reaches(to, from)) continue;
    after[from]?.push(to);
    before[to] = (before[to] ?? 0) + 1;
  }
  const rank = new Int32Array(count);
  const free = Array.from({ length: count }, (_, at) => at).filter((at) => before[at] === 0);
  while (free.length) {
    const at = free.pop() ?? 0;
    for (const next of after[at] ?? []) {
      rank[next] = Math.max(rank[next] ?? 0, (rank[at] ?? 0) + 1);
      before[next] = (before[next] ?? 0) - 1;
      if (before[next] === 0) free.push(next);
    }
  }
  return rank;
}

/** Columns of at most ROWS shapes; what is more of a rank stands in further columns beside it. */
function split(count: number, rank: Int32Array, keys: string[]): number[][] {
  const byRank = new Map<number, number[]>();
  const all = Array.from({ length: count }, (_, at) => at).sort((a, b) => ((keys[a] ?? "") < (keys[b] ?? "") ? -1 : 1));
  for (const at of all) {
    const column = byRank.get(rank[at] ?? 0) ?? [];
    column.push(at);
    byRank.set(rank[at] ?? 0, column);
  }
  const columns: number[][] = [];
  for (const one of [...byRank.keys()].sort((a, b) => a - b)) {
    const column = byRank.get(one) ?? [];
    const parts = Math.ceil(column.length / ROWS);
    const size = Math.ceil(column.length / parts);
    for (let at = 0; at < column.length; at += size) columns.push(column.slice(at, at + size));
  }
  return columns;
}

/** Orders each column by the mean row of its neighbours in the columns before (or behind). */
function align(columns: number[][], edges: Edge[], forwards: boolean): void {
  const row = new Map<number, number>();
  const note = (column: number[]): void => column.forEach((shape, at) => row.set(shape, at - (column.length - 1) / 2));
  columns.forEach(note);
  const order = forwards ? columns : [...columns].reverse();
  for (const column of order) {
    const mean = new Map<number, number>();
    for (const shape of column) {
      let sum = 0;
      let weight = 0;
      for (const edge of edges) {
        const other = edge.from === shape ? edge.to : edge.to === shape ? edge.from : -1;
        if (other < 0 || column.includes(other)) continue;
        const pull = 1 + Math.log1p(edge.weight);
        sum += pull * (row.get(other) ?? 0);
        weight += pull;
      }
      mean.set(shape, weight ? sum / weight : (row.get(shape) ?? 0));
    }
    column.sort((a, b) => (mean.get(a) ?? 0) - (mean.get(b) ?? 0) || (row.get(a) ?? 0) - (row.get(b) ?? 0));
    note(column);
  }
}
