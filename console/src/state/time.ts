/** Spans of time in the page's address, and as instants. */
import { signal } from "@preact/signals";

export interface Range {
  from: string;
  to: string;
}

export const PRESETS: readonly { label: string; from: string }[] = [
  { label: "15 min", from: "now-15m" },
  { label: "1 h", from: "now-1h" },
  { label: "6 h", from: "now-6h" },
  { label: "24 h", from: "now-24h" },
  { label: "7 d", from: "now-7d" },
  { label: "30 d", from: "now-30d" },
];

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };
const ZONE_KEY = "weir-zone";

export type Zone = "UTC" | "local";
/** How instants are shown. They are UTC in every address, so that colleagues elsewhere read the same link. */
export const zone = signal<Zone>(kept());

function kept(): Zone {
  try {
    return localStorage.getItem(ZONE_KEY) === "local" ? "local" : "UTC";
  } catch {
    return "UTC";
  }
}

export function otherZone(): void {
  zone.value = zone.value === "UTC" ? "local" : "UTC";
  try {
    localStorage.setItem(ZONE_KEY, zone.value);
  } catch {
    return;
  }
}

/** Seconds since 1970, or null where the text is no instant that this page has written. */
export function seconds(text: string, now: number): number | null {
  const relative = /^now(?:([+-])(\d+)([smhdw]))?$/.exec(text);
  if (relative) return now + (relative[1] === "-" ? -1 : 1) * Number(relative[2] ?? 0) * (UNITS[relative[3] ?? "s"] ?? 0);
  if (/^\d+$/.test(text)) return Number(text);
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? null : parsed / 1_000;
}

/** The span as seconds; one that cannot be read is the last 15 minutes. */
export function spanOf(range: Range, now: number): { from: number; to: number } {
  const to = seconds(range.to, now) ?? now;
  const from = seconds(range.from, now) ?? to - 900;
  return from < to ? { from, to } : { from: to - 900, to };
}

export const instant = (at: number): string => new Date(Math.round(at) * 1_000).toISOString().replace(".000Z", "Z");

/** Date and time of day, in the zone that is chosen: 2026-01-31 and 23:59:59. */
function parts(at: Date, where: Zone): [string, string] {
  const moved = where === "UTC" ? at : new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  const text = moved.toISOString();
  return [text.slice(0, 10), text.slice(11, 19)];
}

/** As people read it: the day only where it is not today. */
export function shown(text: string | null, withSeconds = true): string {
  const date = text ? new Date(text) : null;
  if (!date || Number.isNaN(date.getTime())) return "–";
  const [day, time] = parts(date, zone.value);
  const short = withSeconds ? time : time.slice(0, 5);
  return day === parts(new Date(), zone.value)[0] ? short : `${day} ${short}`;
}

/** A mark on an axis whose marks are so many seconds apart: 14:30, 14:30:10, or the day at its beginning. */
export function mark(at: number, apart: number): string {
  const [day, time] = parts(new Date(at * 1_000), zone.value);
  if (apart >= 86_400 || time === "00:00:00") return `${Number(day.slice(8))} ${MONTHS[Number(day.slice(5, 7)) - 1] ?? ""}`;
  return apart % 60 ? time : time.slice(0, 5);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The same instant in the other zone, for a tooltip. */
export function elsewhere(text: string | null): string {
  const date = text ? new Date(text) : null;
  if (!date || Number.isNaN(date.getTime())) return "";
  const other = zone.value === "UTC" ? "local" : "UTC";
  return `${parts(date, other).join(" ")} ${other === "UTC" ? "UTC" : "local time"}`;
}

/** 15 min, 6 h, 2 d: a length as people say it. */
export function length(span: number): string {
  for (const [unit, size] of [["d", 86_400], ["h", 3_600], ["min", 60]] as const) {
    if (span >= size * 1.5 || (span >= size && span % size === 0)) return `${Number((span / size).toFixed(1))} ${unit}`;
  }
  return `${Math.round(span)} s`;
}

/** A span that ends now is said relative to it, so that it stays live. */
export function ranged(from: number, to: number, now: number): Range {
  return to >= now ? { from: `now-${Math.max(1, Math.round(to - from))}s`, to: "now" } : { from: instant(from), to: instant(to) };
}

/** The span that was dragged over a chart: whole windows, or whole minutes where it is long. */
export function chosen(from: number, to: number, now: number): Range {
  const step = to - from < 600 ? 10 : 60;
  const low = Math.floor(from / step) * step;
  return ranged(low, Math.max(low + step, Math.ceil(to / step) * step), now);
}

/** The span before or after, of the same length. */
export function stepped(range: Range, direction: 1 | -1, now: number, share = 1): Range {
  const { from, to } = spanOf(range, now);
  const by = direction * (to - from) * share;
  if (to + by >= now) return ranged(now - (to - from), now, now);
  return ranged(from + by, to + by, now);
}

/** The same middle, longer or shorter; a live span keeps its end. */
export function zoomed(range: Range, factor: number, now: number): Range {
  const { from, to } = spanOf(range, now);
  const size = Math.max(10, Math.round((to - from) * factor));
  if (range.to === "now") return ranged(to - size, now, now);
  const middle = (from + to) / 2;
  const end = Math.min(now, middle + size / 2);
  return ranged(end - size, end, now);
}
