/** The map as numbers: what is drawn, row by row of the API's answer, in typed arrays. */
import type { GroupsAnswer } from "../api/types";
import { number } from "../state/format";

export type Kind = "workload" | "group" | "outside" | "unnamed" | "rest";

export interface Shape {
  key: string;
  label: string;
  kind: Kind;
  /** The key of the open group that it stands in; empty: none. */
  group: string;
  members: number;
  /** The filter that means this shape. */
  term: string;
  bytes: number;
  failed: number;
  status: Status;
}

export type Status = "" | "new" | "gone" | "more" | "less";

export interface Graph {
  shapes: Shape[];
  /** Row of shapes, edge by edge. */
  source: Uint32Array;
  target: Uint32Array;
  bytes: Float64Array;
  /** Connections that failed, that were reset, and attempts, edge by edge. */
  failed: Float64Array;
  reset: Float64Array;
  opened: Float64Array;
  retransmits: Float64Array;
  rtt: Float64Array;
  pairs: Float64Array;
  status: Status[];
}

const column = (values: unknown[] | undefined, length: number): Float64Array =>
  values ? Float64Array.from(values, number) : new Float64Array(length);

export function graphOf(answer: GroupsAnswer): Graph {
  const { nodes, edges } = answer.data;
  const text = (name: string, at: number): string => String(nodes[name]?.[at] ?? "");
  const shapes = (nodes["key"] ?? []).map((key, at) => ({
    key: String(key),
    label: text("label", at),
    kind: text("kind", at) as Kind,
    group: text("group", at),
    members: number(nodes["members"]?.[at]),
    term: text("term", at),
    bytes: number(nodes["bytes"]?.[at]),
    failed: number(nodes["connections_failed"]?.[at]),
    status: text("status", at) as Status,
  }));
  const length = edges["source"]?.length ?? 0;
  const counts = column(edges["rtt_count"], length);
  return {
    shapes,
    source: Uint32Array.from(edges["source"] ?? [], number),
    target: Uint32Array.from(edges["target"] ?? [], number),
    bytes: column(edges["bytes"], length),
    failed: column(edges["connections_failed"], length),
    reset: column(edges["connections_reset"], length),
    opened: column(edges["connections_opened"], length),
    retransmits: column(edges["retransmits"], length),
    rtt: column(edges["rtt_us_sum"], length).map((sum, at) => sum / Math.max(1, counts[at] ?? 0)),
    pairs: column(edges["pairs"], length),
    status: Array.from({ length }, (_, at) => String(edges["status"]?.[at] ?? "") as Status),
  };
}
