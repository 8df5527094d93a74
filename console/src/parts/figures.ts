/** Figures of an edge out of the API's answers. */
import type { Answer } from "../api/types";
import { number } from "../state/format";
import type { Figures } from "./verdict";

export const METRICS =
  "bytes,bytes_sent,bytes_received,connections_opened,connections_failed,connections_refused,connections_timed_out,connections_reset," +
  "connections_closed,retransmits,packets,packets_sent,packets_received,rtt_us_p50,rtt_us_p95,rtt_us_p99,connect_us_p50,connect_us_p95,connect_us_p99";
export const SIDES = "bytes_sent,bytes_received,packets_sent,packets_received,connections_opened,connections_failed,connections_reset,retransmits,rtt_us_p50,rtt_us_p95";

export const total = (answer: Answer, name: string): number => number(answer.meta.total[name]);
export const maybe = (answer: Answer, name: string): number | null => (answer.meta.total[name] == null ? null : total(answer, name));

export function figures(sums: Answer, sides: Answer | null, before: Answer | null): Figures {
  const of = (name: string): number => total(sums, name);
  const worst = failingPort(sums);
  return {
    tcp: !sums.data["protocol"] || sums.data["protocol"].length === 0 || sums.data["protocol"].includes("tcp"),
    bytes: of("bytes"),
    opened: of("connections_opened"),
    ...failing(sums, worst),
    reset: of("connections_reset"),
    packets: of("packets"),
    retransmits: of("retransmits"),
    rttP50: maybe(sums, "rtt_us_p50"),
    rttP95: maybe(sums, "rtt_us_p95"),
    connectP50: maybe(sums, "connect_us_p50"),
    connectP95: maybe(sums, "connect_us_p95"),
    rttP95Before: before ? maybe(before, "rtt_us_p95") : null,
    resentByClient: resentBy(sides, "client"),
    resentByServer: resentBy(sides, "server"),
  };
}

/** The row of the port on which nearly all failures are; -1: there are several. */
function failingPort(sums: Answer): number {
  const failed = (sums.data["connections_failed"] ?? []).map(number);
  return sums.data["service_port"] ? failed.findIndex((one) => one > 0 && one >= 0.8 * total(sums, "connections_failed")) : -1;
}

/** Failures, with what was tried where they are. */
function failing(sums: Answer, row: number): Pick<Figures, "tried" | "failed" | "refused" | "timedOut" | "port"> {
  const of = (name: string): number => (row < 0 ? total(sums, name) : number(sums.data[name]?.[row]));
  const failed = of("connections_failed");
  return {
    failed,
    tried: failed + of("connections_opened"),
    refused: of("connections_refused"),
    timedOut: of("connections_timed_out"),
    port: row < 0 ? "" : `port ${String(sums.data["service_port"]?.[row] ?? "")}`,
  };
}

function resentBy(sides: Answer | null, role: string): number | null {
  const rows = (sides?.data["role"] ?? []).flatMap((one, at) => (one === role ? [at] : []));
  return rows.length ? rows.reduce((sum, at) => sum + number(sides?.data["retransmits"]?.[at]), 0) : null;
}
