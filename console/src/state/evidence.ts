/** Evidence of a finding, which is a JSON object, as names and words; its sentence is told elsewhere. */
import { bytes, count, micros, percent } from "./format";
import { length, shown } from "./time";

const SHOWN = 12;

export function evidenceOf(text: string): (readonly [string, string])[] {
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found !== "object" || found === null) return [];
    return Object.entries(found).filter(([name]) => name !== "sentence").map(([name, value]) => [label(name), words(name, value)] as const);
  } catch {
    return text ? [["as told", text]] : [];
  }
}

const label = (name: string): string => name.replace(/_(us|s|share|bytes|nano)$/, (_, unit: string) => (unit === "bytes" ? " bytes" : unit === "share" ? " share" : "")).replaceAll("_", " ");

function words(name: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "not known";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return figure(name, value);
  if (Array.isArray(value)) {
    const rest = value.length - SHOWN;
    return `${value.slice(0, SHOWN).map((one) => words(name, one)).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}` || "none";
  }
  if (typeof value === "object") return Object.entries(value).map(([inner, one]) => `${label(inner)} ${words(inner, one)}`).join("; ");
  return /^\d{4}-\d\d-\d\dT/.test(String(value)) ? shown(String(value)) : String(value);
}

const MICRO = 1_000_000;

/** By the unit that its name ends with. Microseconds since 1970 are an instant. */
function figure(name: string, value: number): string {
  if (name.endsWith("_us")) return value > 1e15 ? shown(new Date(value / 1_000).toISOString()) : value >= 60 * MICRO ? length(value / MICRO) : micros(value);
  if (name.endsWith("_s")) return length(value);
  if (/(^|_)bytes(_|$)/.test(name)) return bytes(value);
  if (/(^|_)(share|ratio)$/.test(name) && value <= 1) return percent(value);
  return /port/.test(name) ? String(value) : Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(3)));
}
