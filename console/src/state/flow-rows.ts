/** Raw flows as rows: the local and the remote end as client and server, as the map has them. */
import type { Columns, Value } from "../api/types";
import { number, plainAddress } from "./format";

export interface End {
  name: string;
  ip: string;
  /** Why there is no name; empty where there is one. */
  reason: string;
  domain: string;
}

export interface FlowRow {
  key: string;
  /** Start of the window, RFC 3339. */
  time: string;
  client: End;
  server: End;
  /** The side that reports does not know which part it has: it stands as the client. */
  unsure: boolean;
  port: number;
  protocol: string;
  clientSent: number;
  serverSent: number;
  opened: number;
  failed: number;
  refused: number;
  timedOut: number;
  reset: number;
  retransmits: number;
  rttMaxUs: number;
  node: string;
  role: string;
  canonical: boolean;
}

export function flowRows(data: Columns): FlowRow[] {
  const times = data["window_start"] ?? [];
  return times.map((time, at) => flowRow((name) => data[name]?.[at] ?? null, String(time)));
}

function flowRow(cell: (name: string) => Value, time: string): FlowRow {
  const text = (name: string): string => String(cell(name) ?? "");
  const role = text("role");
  const local: End = { name: text("local_workload"), ip: plainAddress(cell("local_ip")), reason: "", domain: "" };
  const remote: End = { name: text("remote_workload"), ip: plainAddress(cell("remote_ip")), reason: text("remote_reason"), domain: text("remote_domain") };
  const serving = role === "server";
  const [sent, received] = [number(cell("bytes_sent")), number(cell("bytes_received"))];
  const node = text("node_id");
  return {
    key: text("key") || [time, node, local.ip, remote.ip, text("service_port"), text("protocol"), role, local.name].join(" "),
    time,
    client: serving ? remote : local,
    server: serving ? local : remote,
    unsure: role === "unknown",
    port: number(cell("service_port")),
    protocol: text("protocol"),
    clientSent: serving ? received : sent,
    serverSent: serving ? sent : received,
    opened: number(cell("connections_opened")),
    failed: number(cell("connections_failed")),
    refused: number(cell("connections_refused")),
    timedOut: number(cell("connections_timed_out")),
    reset: number(cell("connections_reset")),
    retransmits: number(cell("retransmits")),
    rttMaxUs: number(cell("rtt_us_max")),
    node,
    role,
    canonical: cell("canonical") === true,
  };
}

/** What came and what was there, the newest window first, each flow once. */
export function merged(fresh: readonly FlowRow[], before: readonly FlowRow[], most: number): FlowRow[] {
  const keys = new Set(fresh.map((row) => row.key));
  const all = [...fresh, ...before.filter((row) => !keys.has(row.key))];
  return all.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0)).slice(0, most);
}
