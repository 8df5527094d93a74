/**
 * Places for a map of few shapes: callers left of those they call, in columns. No two boxes touch, so that no two labels do.
 * Shapes that are as good as one another stand in the order of the input.
 */
import { PITCH, type Input, type Places } from "./plane";
import { byRank } from "./ranks";

export interface Edge {
  from: number;
  to: number;
  weight: number;
}

/** A box of a column, or the way of edges through it. */
interface Slot {
  shape: number;
  /** Rows of slots, with how much they pull. */
  pulls: { slot: number; weight: number }[];
  column: number;
  y: number;
  height: number;
}

const SWEEPS = 12;

export function layered(input: Input): Places {
  const count = input.keys.length;
  const edges = ordered(input);
  const column = byRank(count, edges);
  const slots = slotsOf(count, edges, column);
  const columns = stacked(slots);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) order(columns, slots, sweep % 2 === 0);
  for (let pass = 0; pass < SWEEPS; pass += 1) straighten(columns, slots, pass % 2 === 0);
  const x = Float64Array.from(column, (at) => at * PITCH.x);
  const y = Float64Array.from(column, (_, shape) => Math.round(slots[shape]?.y ?? 0));
  return { x, y };
}

/** Heaviest first: what breaks a circle is its lightest call. */
function ordered(input: Input): Edge[] {
  const edges: Edge[] = [];
  for (let at = 0; at < input.source.length; at += 1) {
    const from = input.source[at] ?? 0;
    const to = input.target[at] ?? 0;
    if (from !== to) edges.push({ from, to, weight: input.weight[at] ?? 0 });
  }
  return edges.sort((a, b) => b.weight - a.weight || a.from - b.from || a.to - b.to);
}

/** A slot for each shape, in its order, and one for all edges to the same shape in each column that they pass. */
function slotsOf(count: number, edges: Edge[], column: Int32Array): Slot[] {
  const slots: Slot[] = Array.from({ length: count }, (_, shape) => ({ shape, pulls: [], column: column[shape] ?? 0, y: 0, height: PITCH.y }));
  const lane = count <= 30 ? 14 : 4;
  const ways = new Map<string, number>();
  const way = (to: number, at: number): number => {
    const key = `${at} ${to}`;
    const known = ways.get(key);
    if (known !== undefined) return known;
    slots.push({ shape: -1, pulls: [], column: at, y: 0, height: lane });
    ways.set(key, slots.length - 1);
    return slots.length - 1;
  };
  for (const { from, to, weight } of edges) {
    const step = Math.sign((column[to] ?? 0) - (column[from] ?? 0));
    if (step === 0) continue;
    const pull = 1 + Math.log1p(weight) / 4;
    let last = from;
    for (let at = (column[from] ?? 0) + step; at !== (column[to] ?? 0) + step; at += step) {
      const next = at === column[to] ? to : way(to, at);
      slots[last]?.pulls.push({ slot: next, weight: pull });
      slots[next]?.pulls.push({ slot: last, weight: pull });
      last = next;
    }
  }
  return slots;
}

function stacked(slots: Slot[]): number[][] {
  const columns: number[][] = [];
  slots.forEach((slot, at) => (columns[slot.column] ??= []).push(at));
  for (const column of columns) spread(column ?? [], slots);
  return columns;
}

/** Puts the slots of a column under one another, around 0. */
function spread(column: number[], slots: Slot[]): void {
  const total = column.reduce((sum, at) => sum + (slots[at]?.height ?? 0), 0);
  let top = -total / 2;
  for (const at of column) {
    const slot = slots[at];
    if (!slot) continue;
    slot.y = top + slot.height / 2;
    top += slot.height;
  }
}

/** The mean of what pulls a slot, from one side or both; where nothing does, where it is. */
function wanted(slot: Slot, slots: Slot[], side: number): number {
  let sum = 0;
  let weight = 0;
  for (const pull of slot.pulls) {
    const other = slots[pull.slot];
    if (!other || (side && Math.sign(other.column - slot.column) !== side)) continue;
    sum += pull.weight * other.y;
    weight += pull.weight;
  }
  return weight ? sum / weight : slot.y;
}

/** Fewer crossings: each column in the order of its neighbours in the column before (or behind). */
function order(columns: number[][], slots: Slot[], forwards: boolean): void {
  for (const column of forwards ? columns : [...columns].reverse()) {
    const goal = new Map(column.map((at) => [at, wanted(slots[at] as Slot, slots, forwards ? -1 : 1)]));
    const before = new Map(column.map((at, place) => [at, place]));
    column.sort((a, b) => (goal.get(a) ?? 0) - (goal.get(b) ?? 0) || (before.get(a) ?? 0) - (before.get(b) ?? 0));
    spread(column, slots);
  }
}

/** Moves the slots of each column as near to their neighbours as the order and the heights allow: the least sum of squares. */
function straighten(columns: number[][], slots: Slot[], forwards: boolean): void {
  for (const column of forwards ? columns : [...columns].reverse()) {
    const offsets: number[] = [];
    let offset = 0;
    column.forEach((at, place) => {
      const own = slots[at]?.height ?? 0;
      offset += place ? ((slots[column[place - 1] ?? 0]?.height ?? 0) + own) / 2 : 0;
      offsets.push(offset);
    });
    const goals = column.map((at, place) => wanted(slots[at] as Slot, slots, 0) - (offsets[place] ?? 0));
    const found = rising(goals);
    column.forEach((at, place) => {
      const slot = slots[at];
      if (slot) slot.y = (found[place] ?? 0) + (offsets[place] ?? 0);
    });
  }
}

/** The rising values that are nearest to the given ones: neighbours that fall are pooled into their mean. */
function rising(values: number[]): number[] {
  const pools: { mean: number; size: number }[] = [];
  for (const value of values) {
    let pool = { mean: value, size: 1 };
    for (let last = pools.at(-1); last && last.mean > pool.mean; last = pools.at(-1)) {
      pools.pop();
      const size = last.size + pool.size;
      pool = { mean: (last.mean * last.size + pool.mean * pool.size) / size, size };
    }
    pools.push(pool);
  }
  return pools.flatMap(({ mean, size }) => Array.from({ length: size }, () => mean));
}
