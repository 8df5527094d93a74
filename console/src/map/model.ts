/** The map as numbers: what is drawn, row by row of the API's answer, in typed arrays. */
import type { Columns, GroupsAnswer } from "../api/types";
import { number } from "../state/format";
import { compare } from "./layout/plane";

export type Kind = "workload" | "group" | "outside" | "unnamed" | "rest";

export interface Shape {
  key: string;
  label: string;
  kind: Kind;
  /** The key of the open group that it stands in; empty: none. */
  group: string;
  members: number;
  bytes: number;
  failed: number;
  /** Of another time, where two are compared. */
  before: number;
  status: Status;
}

/** How it is against another time; empty: the same, or no other time was asked for. */
export type Status = "" | "new" | "gone" | "more" | "less" | "failing";

export interface Graph {
  shapes: Shape[];
  /** Row of shapes, edge by edge. */
  source: Uint32Array;
  target: Uint32Array;
  bytes: Float64Array;
  /** Connections that failed, that were reset, and that were opened, edge by edge. */
  failed: Float64Array;
  /** How many pairs of an edge fail, rather than that one connection did among thousands. */
  failing: Float64Array;
  reset: Float64Array;
  opened: Float64Array;
  retransmits: Float64Array;
  /** Zeros where they were not told. */
  packets: Float64Array;
  pairs: Float64Array;
  before: Float64Array;
  beforeFailed: Float64Array;
  status: Status[];
}

const STATUSES: readonly string[] = ["new", "gone", "more", "less", "failing"];
const statusOf = (value: unknown): Status => (STATUSES.includes(String(value)) ? (value as Status) : "");

/** In the order of names, whatever the order of rows: the same answer is the same picture. */
export function graphOf(answer: GroupsAnswer): Graph {
  const { nodes, edges } = answer.data;
  const all = shapesOf(nodes);
  const shapes = [...all].sort((a, b) => compare(a.key, b.key));
  const row = new Map(shapes.map((shape, at) => [shape.key, at]));
  const end = (name: string): number[] => (edges[name] ?? []).map((at) => row.get(all[number(at)]?.key ?? "") ?? 0);
  const [source, target] = [end("source"), end("target")];
  const length = source.length;
  const order = source.map((_, at) => at).sort((a, b) => (source[a] ?? 0) - (source[b] ?? 0) || (target[a] ?? 0) - (target[b] ?? 0));
  const column = (name: string): Float64Array => Float64Array.from(order, (at) => number(edges[name]?.[at]));
  return {
    shapes,
    source: Uint32Array.from(order, (at) => source[at] ?? 0),
    target: Uint32Array.from(order, (at) => target[at] ?? 0),
    bytes: column("bytes"),
    failed: column("connections_failed"),
    failing: column("failing_pairs"),
    reset: column("connections_reset"),
    opened: column("connections_opened"),
    retransmits: column("retransmits"),
    packets: column("packets"),
    pairs: column("pairs"),
    before: column("before_bytes"),
    beforeFailed: column("before_connections_failed"),
    status: Array.from({ length }, (_, at) => statusOf(edges["status"]?.[order[at] ?? 0])),
  };
}

function shapesOf(nodes: Columns): Shape[] {
  const text = (name: string, at: number): string => String(nodes[name]?.[at] ?? "");
  return (nodes["key"] ?? []).map((key, at) => ({
    key: String(key),
    label: text("label", at),
    kind: text("kind", at) as Kind,
    group: text("group", at),
    members: number(nodes["members"]?.[at]),
    bytes: number(nodes["bytes"]?.[at]),
    failed: number(nodes["connections_failed"]?.[at]),
    before: number(nodes["before_bytes"]?.[at]),
    status: statusOf(nodes["status"]?.[at]),
  }));
}

export const edgeKey = (graph: Graph, edge: number): string =>
  `${graph.shapes[graph.source[edge] ?? 0]?.key ?? ""}>${graph.shapes[graph.target[edge] ?? 0]?.key ?? ""}`;

/** Rows of the edges of a shape. */
export function edgesOf(graph: Graph, shape: number): number[] {
  const found: number[] = [];
  for (let edge = 0; edge < graph.source.length; edge += 1) {
    if (graph.source[edge] === shape || graph.target[edge] === shape) found.push(edge);
  }
  return found;
}

/** Rows of what is selected: a shape, an edge, or neither. */
export interface Row {
  shape: number;
  edge: number;
}

export function rowOf(graph: Graph, selected: string): Row {
  const shape = graph.shapes.findIndex((one) => one.key === selected);
  if (shape >= 0 || !selected) return { shape, edge: -1 };
  for (let edge = 0; edge < graph.source.length; edge += 1) if (edgeKey(graph, edge) === selected) return { shape, edge };
  return { shape, edge: -1 };
}
