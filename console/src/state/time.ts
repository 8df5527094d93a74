/** Spans of time in the page's address, and as instants. */
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

/** Seconds since 1970, or null where the text is no instant that this page has written. */
export function seconds(text: string, now: number): number | null {
  const relative = /^now(?:([+-])(\d+)([smhdw]))?$/.exec(text);
  if (relative) return now + (relative[1] === "-" ? -1 : 1) * Number(relative[2] ?? 0) * (UNITS[relative[3] ?? "s"] ?? 0);
  if (/^\d+$/.test(text)) return Number(text);
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? null : parsed / 1_000;
}

export const instant = (at: number): string => new Date(Math.round(at) * 1_000).toISOString().replace(".000Z", "Z");

/** As people read it: the day only where it is not today. Local time is not used: colleagues elsewhere read the same link. */
export function shown(text: string | null, withSeconds = true): string {
  if (!text) return "–";
  const date = new Date(text);
  const time = date.toISOString().slice(11, withSeconds ? 19 : 16);
  const day = date.toISOString().slice(0, 10);
  return day === new Date().toISOString().slice(0, 10) ? time : `${day} ${time}`;
}

/** The span before or after, of the same length. */
export function stepped(range: Range, direction: 1 | -1, now: number): Range {
  const from = seconds(range.from, now);
  const to = seconds(range.to, now);
  if (from === null || to === null) return range;
  const length = to - from;
  const end = to + direction * length;
  return end >= now ? { from: `now-${Math.round(length)}s`, to: "now" } : { from: instant(from + direction * length), to: instant(end) };
}
