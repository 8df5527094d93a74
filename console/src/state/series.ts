/** A series of the API as times and columns without holes: a step without flows is 0 where sums are shown. */
import type { Answer, Value } from "../api/types";
import { number } from "./format";

export interface Steps {
  times: number[];
  step: number;
  /** Seconds of each step that the span covers and that every node has told of; 0: its flows are still coming in. */
  covered: number[];
}

/** A step is shown where what is complete of it is at least so many times what is still coming in. */
const SURE = 5;

export function steps(answer: Answer): Steps {
  const step = answer.meta.step ?? 60;
  const from = Date.parse(answer.meta.from) / 1_000;
  const to = Date.parse(answer.meta.to) / 1_000;
  const complete = answer.meta.complete_until ? Math.min(to, Date.parse(answer.meta.complete_until) / 1_000) : to;
  const times: number[] = [];
  const covered: number[] = [];
  for (let at = Math.floor(from / step) * step; at < to; at += step) {
    times.push(at);
    const seen = Math.min(at + step, complete) - Math.max(at, from);
    const open = Math.max(0, Math.min(at + step, to) - Math.max(at, from, complete));
    covered.push(seen < Math.max(1, open * SURE) ? 0 : seen);
  }
  return { times, step, covered };
}

const placeOf = (time: Value | undefined, step: number): number => Math.floor(Date.parse(String(time)) / 1_000 / step) * step;

/** One column, summed over groups, step by step. */
export function summed(answer: Answer, name: string, { times, step }: Steps, missing: number | null = 0): (number | null)[] {
  const place = new Map(times.map((time, at) => [time, at]));
  const values = new Array<number | null>(times.length).fill(missing);
  (answer.data["time"] ?? []).forEach((time, row) => {
    const at = place.get(placeOf(time, step));
    const value = answer.data[name]?.[row] ?? null;
    if (at !== undefined && value !== null) values[at] = (values[at] ?? 0) + number(value);
  });
  return values;
}

/** Sums by the second. A step that is not complete is divided by what of it is there; one that has hardly begun is null. */
export function rates(values: readonly (number | null)[], { covered }: Steps): (number | null)[] {
  return values.map((value, at) => (value === null || !covered[at] ? null : value / (covered[at] ?? 1)));
}

/** Sums as they are; steps whose flows are still coming in are null. */
export function known(values: readonly (number | null)[], { covered }: Steps): (number | null)[] {
  return values.map((value, at) => (covered[at] ? value : null));
}

export interface Group {
  label: string;
  /** The values of the dimensions; null: all others. */
  names: string[] | null;
  values: (number | null)[];
}

/** The columns of each group; what is missing is `missing`. */
export function groups(answer: Answer, dimensions: readonly string[], metric: string, { times, step }: Steps, missing: number | null): Group[] {
  const found = new Map<string, Group>();
  const place = new Map(times.map((time, at) => [time, at]));
  (answer.data["time"] ?? []).forEach((time, row) => {
    const others = answer.data["other"]?.[row] === true;
    const names = dimensions.map((name) => String(answer.data[name]?.[row] ?? ""));
    const label = others ? "all others" : names.map((name) => name || "no name").join(" → ");
    const key = others ? "" : JSON.stringify(names);
    const group = found.get(key) ?? { label, names: others ? null : names, values: new Array<number | null>(times.length).fill(missing) };
    found.set(key, group);
    const at = place.get(placeOf(time, step));
    const value = answer.data[metric]?.[row] ?? null;
    if (at !== undefined && value !== null) group.values[at] = number(value);
  });
  return [...found.values()].sort((a, b) => Number(a.names === null) - Number(b.names === null) || total(b) - total(a));
}

const total = (group: Group): number => group.values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
