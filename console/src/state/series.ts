/** A series of the API as times and columns without holes: a step without flows is 0 where sums are shown. */
import type { Answer } from "../api/types";
import { number } from "./format";

export interface Steps {
  times: number[];
  step: number;
}

export function steps(answer: Answer): Steps {
  const step = answer.meta.step ?? 60;
  const from = Math.floor(Date.parse(answer.meta.from) / 1_000 / step) * step;
  const to = Date.parse(answer.meta.to) / 1_000;
  const times: number[] = [];
  for (let at = from; at < to; at += step) times.push(at);
  return { times, step };
}

/** One column, summed over groups, step by step. */
export function summed(answer: Answer, name: string, { times, step }: Steps, missing: number | null = 0): (number | null)[] {
  const place = new Map(times.map((time, at) => [time, at]));
  const values = new Array<number | null>(times.length).fill(missing);
  (answer.data["time"] ?? []).forEach((time, row) => {
    const at = place.get(Math.floor(Date.parse(String(time)) / 1_000 / step) * step);
    const value = answer.data[name]?.[row] ?? null;
    if (at !== undefined && value !== null) values[at] = (values[at] ?? 0) + number(value);
  });
  return values;
}
