/** An answer of /forecast, group by group, on one axis of time. */
import type { Columns } from "../api/types";
import { numberAt, rowsOf, textAt } from "./columns";

export interface Outlook {
  label: string;
  history: (number | null)[];
  /** Begins with the last hour that was, so that the lines meet. */
  expected: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
}

/** So much of what was is drawn for each hour that is expected. */
const BACK = 2;

/** `times` in seconds, `step` apart. Groups in the order of the answer, which is that of their sums. */
export function outlooks(series: Columns, by: readonly string[]): { times: number[]; step: number; found: Outlook[] } {
  const rows = Array.from({ length: rowsOf(series) }, (_, row) => ({ row, at: Date.parse(textAt(series, "time", row)) / 1_000, expected: textAt(series, "kind", row) === "forecast" }));
  const begin = Math.min(...rows.filter((one) => one.expected).map((one) => one.at));
  const end = Math.max(...rows.map((one) => one.at));
  const first = Number.isFinite(begin) ? begin - BACK * (end - begin) : -Infinity;
  const drawn = rows.filter((one) => one.at >= first);
  const times = [...new Set(drawn.map((one) => one.at))].sort((a, b) => a - b);
  const step = Math.min(...times.slice(1).map((time, at) => time - (times[at] ?? 0)), 3_600);
  const place = new Map(times.map((time, at) => [time, at]));
  const found = new Map<string, Outlook>();
  for (const { row, at, expected } of drawn) {
    const label = groupName(series, by, row);
    const one = found.get(label) ?? blank(label, times.length);
    found.set(label, one);
    const here = place.get(at) ?? 0;
    (expected ? one.expected : one.history)[here] = numberAt(series, "value", row);
    if (!expected) continue;
    one.low[here] = numberAt(series, "low80", row);
    one.high[here] = numberAt(series, "high80", row);
  }
  for (const one of found.values()) join(one);
  return { times, step, found: [...found.values()] };
}

/** The group of a row, as it is read. */
export const groupName = (data: Columns, by: readonly string[], row: number): string =>
  data["other"]?.[row] === true ? "all others" : by.map((name) => textAt(data, name, row) || "no name").join(" → ");

const blank = (label: string, size: number): Outlook => {
  const nothing = (): (number | null)[] => new Array<number | null>(size).fill(null);
  return { label, history: nothing(), expected: nothing(), low: nothing(), high: nothing() };
};

function join(one: Outlook): void {
  const last = one.history.findLastIndex((value) => value !== null);
  if (last >= 0 && one.expected[last] === null && one.expected[last + 1] != null) one.expected[last] = one.low[last] = one.high[last] = one.history[last] ?? null;
}
