/** Findings of the span, as marks on the shapes and edges that stand for their ends. */
import { edgeKey, type Graph } from "./model";
import { standsIn } from "./terms";
import { isAddress } from "../state/edge";
import type { Finding } from "../state/findings";

export interface Marks {
  /** By row. */
  shapes: ReadonlyMap<number, readonly Finding[]>;
  edges: ReadonlyMap<number, readonly Finding[]>;
}

export const UNMARKED: Marks = { shapes: new Map(), edges: new Map() };

/** A finding of two ends marks the edge between them, whichever calls; without such an edge, its subject. */
export function marksOf(graph: Graph, findings: readonly Finding[]): Marks {
  if (!findings.length) return UNMARKED;
  const keys = new Map(graph.shapes.map((shape, at) => [shape.key, at]));
  const names = new Set(keys.keys());
  const rows = new Map(Array.from(graph.source, (_, edge) => [edgeKey(graph, edge), edge]));
  const shapes = new Map<number, Finding[]>();
  const edges = new Map<number, Finding[]>();
  for (const one of findings) {
    const subject = standsIn(`w:${one.subject}`, names);
    const peer = one.peer ? peerOf(one.peer, names) : "";
    const edge = rows.get(`${subject}>${peer}`) ?? rows.get(`${peer}>${subject}`);
    const shape = keys.get(subject);
    if (edge !== undefined) put(edges, edge, one);
    else if (shape !== undefined) put(shapes, shape, one);
  }
  return { shapes, edges };
}

const peerOf = (peer: string, names: ReadonlySet<string>): string => (isAddress(peer) ? "" : standsIn(`w:${peer}`, names) || standsIn(`d:${peer}`, names));

function put(marks: Map<number, Finding[]>, row: number, finding: Finding): void {
  const found = marks.get(row) ?? [];
  found.push(finding);
  marks.set(row, found);
}

export const grave = (findings: readonly Finding[]): boolean => findings.some((one) => one.severity === "critical");
