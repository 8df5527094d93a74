/** How an edge is, and how severe that is: what is wrong is told by shape, by dashes and by colour, and comes first in every list. */
import type { Graph } from "./model";

/** In the order in which they are drawn: the last lie on top. */
export type State = "plain" | "less" | "more" | "gone" | "new" | "resent" | "reset" | "failing";
export const STATES: readonly State[] = ["plain", "less", "more", "gone", "new", "resent", "reset", "failing"];
export const WRONG: ReadonlySet<State> = new Set(["resent", "reset", "failing"]);

/** From this share on, resets and packets sent again are wrong, where there are at least FEW of them. */
export const SHARE = 0.02;
const FEW = 5;

/** 1 or 0: whether a pair fails, as streams/insights/failing.py says of those that an edge of the map stands for. */
export const fails = (opened: number, failed: number): number =>
  (failed >= 3 || (failed > 0 && opened === 0)) && failed >= 0.01 * (opened + failed) ? 1 : 0;

export interface Health {
  opened: number;
  failed: number;
  /** Pairs of its that fail. */
  failing: number;
  reset: number;
  retransmits: number;
  /** 0: not known. */
  packets: number;
}

export function stateOf(health: Health): State {
  const { opened, failing, reset, retransmits, packets } = health;
  if (failing > 0) return "failing";
  if (reset >= FEW && reset > SHARE * opened) return "reset";
  if (retransmits >= FEW && packets > 0 && retransmits > SHARE * packets) return "resent";
  return "plain";
}

/** A number by which edges are ranked: failures first, by their share and then their number, then resets, then what was sent again. */
export function severity(health: Health): number {
  const { opened, failed, failing, reset, retransmits, packets } = health;
  const attempts = Math.max(1, opened + failed);
  if (failing > 0) return 100 + 100 * (failed / attempts) + Math.log1p(failed);
  const state = stateOf(health);
  if (state === "reset") return 50 + 10 * Math.min(1, reset / Math.max(1, opened));
  if (state === "resent") return 20 + 10 * Math.min(1, retransmits / packets);
  return 0;
}

export const healthOf = (graph: Graph, edge: number): Health => ({
  opened: graph.opened[edge] ?? 0,
  failed: graph.failed[edge] ?? 0,
  failing: graph.failing[edge] ?? 0,
  reset: graph.reset[edge] ?? 0,
  retransmits: graph.retransmits[edge] ?? 0,
  packets: graph.packets[edge] ?? 0,
});

/** Edges with the worst first; those that are as bad as one another by their bytes. */
export function ranked(graph: Graph, edges: readonly number[]): number[] {
  const own = new Map(edges.map((edge) => [edge, severity(healthOf(graph, edge))]));
  return [...edges].sort((a, b) => (own.get(b) ?? 0) - (own.get(a) ?? 0) || (graph.bytes[b] ?? 0) - (graph.bytes[a] ?? 0) || a - b);
}
