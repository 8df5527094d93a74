/** Which column each shape stands in: callers before those they call, as far as a picture that fits a screen allows. */
import type { Edge } from "./layered";

/** Shapes in a column, at most. */
export const ROWS = 14;

/** `edges`: heaviest first, without those from a shape to itself. */
export function byRank(count: number, edges: Edge[]): Int32Array {
  const rank = ranks(count, edges);
  const deepest = rank.reduce((most, one) => Math.max(most, one), 0);
  const most = Math.max(6, Math.round(Math.sqrt(count * 0.62)));
  return split(deepest < most ? rank : evenly(rank, most));
}

/** So many columns of as many shapes each, in the order of their ranks. */
function evenly(rank: Int32Array, columns: number): Int32Array {
  const found = new Int32Array(rank.length);
  const order = Array.from(rank, (_, at) => at).sort((a, b) => (rank[a] ?? 0) - (rank[b] ?? 0) || a - b);
  order.forEach((shape, at) => (found[shape] = Math.floor((at * columns) / rank.length)));
  return found;
}

/** Longest way from a shape that nobody calls, over the edges that close no circle. */
function ranks(count: number, edges: Edge[]): Int32Array {
  const after: number[][] = Array.from({ length: count }, () => []);
  const before = new Int32Array(count);
  for (const { from, to } of edges) {
    if (reaches(after, to, from)) continue;
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

function reaches(after: number[][], from: number, to: number): boolean {
  const seen = new Uint8Array(after.length);
  const pending = [from];
  while (pending.length) {
    const at = pending.pop() ?? 0;
    if (at === to) return true;
    if (seen[at]) continue;
    seen[at] = 1;
    pending.push(...(after[at] ?? []));
  }
  return false;
}

/** Columns of at most ROWS shapes; what is more of a column stands in further columns beside it. */
function split(column: Int32Array): Int32Array {
  const members = new Map<number, number[]>();
  column.forEach((one, shape) => members.set(one, [...(members.get(one) ?? []), shape]));
  const found = new Int32Array(column.length);
  let next = 0;
  for (const one of [...members.keys()].sort((a, b) => a - b)) {
    const own = members.get(one) ?? [];
    const parts = Math.ceil(own.length / ROWS);
    own.forEach((shape, at) => (found[shape] = next + Math.floor((at * parts) / own.length)));
    next += parts;
  }
  return found;
}
