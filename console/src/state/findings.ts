/** What the detector has found, as the map, the time bar and their tips speak of it. */
import { signal } from "@preact/signals";
import { get } from "../api/client";
import type { Answered } from "../api/answers";
import type { Columns, Parsed } from "../api/types";
import { rowsOf, textAt } from "./columns";
import { kindOf } from "./kinds";
import { shown } from "./time";

export interface Finding {
  id: string;
  kind: string;
  subject: string;
  /** Empty: it has none. */
  peer: string;
  severity: string;
  open: boolean;
  /** Seconds since 1970. */
  first: number;
  last: number;
  sentence: string;
}

/** Of the time that the time bar shows. */
export const findings = signal<readonly Finding[]>([]);

const SPOKEN_OF: ReadonlySet<string> = new Set(["workload", "client", "server", "namespace", "client_namespace", "server_namespace", "service_port", "network"]);

/** Those terms of a filter that findings can be asked by: they have two ends and a port, and neither bytes nor zones. */
export async function spokenOf(q: string, stop: AbortSignal): Promise<string> {
  if (!q) return "";
  const { data } = await get<{ data: Parsed }>("parse", { q }, stop);
  return (data.terms ?? []).filter((term) => SPOKEN_OF.has(term.field ?? "")).map((term) => term.text).join(" ");
}

export function findingsOf(answer: Answered<Columns> | null): Finding[] {
  const data = (answer?.data ?? {}) as Columns;
  const seconds = (name: string, row: number): number => Date.parse(textAt(data, name, row)) / 1_000;
  return Array.from({ length: rowsOf(data) }, (_, row) => ({
    id: textAt(data, "id", row),
    kind: textAt(data, "kind", row),
    subject: textAt(data, "subject", row),
    peer: textAt(data, "peer", row),
    severity: textAt(data, "severity", row),
    open: textAt(data, "state", row) === "open",
    first: seconds("first_seen", row),
    last: seconds("last_seen", row),
    sentence: textAt(data, "sentence", row),
  })).filter((one) => one.kind && !Number.isNaN(one.first) && !Number.isNaN(one.last));
}

/** Those of a span, the gravest and then the newest first. */
export function within(all: readonly Finding[], from: number, to: number): Finding[] {
  return all.filter((one) => one.first < to && (one.open ? true : one.last >= from)).sort((a, b) => grave(b) - grave(a) || b.first - a.first);
}

const grave = ({ severity }: Finding): number => ["info", "warning", "critical"].indexOf(severity);

/** One line: what, since when. */
export function said({ kind, subject, peer, sentence, first }: Finding): string {
  return sentence || `${kindOf(kind).label}: ${subject}${peer ? ` → ${peer}` : ""}, since ${shown(new Date(first * 1_000).toISOString(), false)}`;
}
