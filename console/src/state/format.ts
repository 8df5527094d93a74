/** Numbers as people read them, in SI units. */
const BYTES = ["B", "kB", "MB", "GB", "TB", "PB"];
const COUNTS = ["", "k", "M", "G", "T"];

function scaled(value: number, units: string[]): string {
  let at = 0;
  let rest = value;
  while (rest >= 999.5 && at < units.length - 1) {
    rest /= 1000;
    at += 1;
  }
  const digits = at === 0 ? (rest < 9.95 && !Number.isInteger(rest) ? 1 : 0) : rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  const unit = units[at] ?? "";
  return `${rest.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
}

export const bytes = (value: number): string => scaled(value, BYTES);
export const count = (value: number): string => scaled(value, COUNTS);
export const rate = (value: number, seconds: number): string => `${bytes(value / Math.max(1, seconds))}/s`;

export function micros(value: number | null): string {
  if (value === null) return "";
  if (value < 1_000) return `${value.toFixed(0)} µs`;
  return value < 1_000_000 ? `${(value / 1_000).toFixed(value < 10_000 ? 1 : 0)} ms` : `${(value / 1_000_000).toFixed(1)} s`;
}

export function percent(share: number | null): string {
  if (share === null) return "";
  if (share === 0) return "0 %";
  return share < 0.001 ? "< 0.1 %" : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** One, or many: 1 flow, 2 flows. */
export const many = (value: number, one: string, more = `${one}s`): string => `${count(value)} ${value === 1 ? one : more}`;

/** A number of the API, which is text beyond 2^53. */
export const number = (value: unknown): number => (typeof value === "string" ? Number(value) : typeof value === "number" ? value : 0);

/** An IPv4 address as it is written everywhere else. */
export const plainAddress = (text: unknown): string => String(text ?? "").replace(/^::ffff:(?=\d+\.)/, "");
