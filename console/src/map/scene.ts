/** What a picture of the map is made of: boxes with places and edges in classes that are drawn with one stroke each. */
import type { Graph } from "./model";
import { BOX, type Places } from "./layered";

/** How an edge is: each has its own colour, and its own dash or mark, so that neither alone has to be seen. */
export type State = "plain" | "failing" | "reset" | "new" | "gone";
export const STATES: readonly State[] = ["plain", "new", "gone", "reset", "failing"];

const WIDTHS = [1, 1.5, 2.25, 3.5, 5];

export interface Scene {
  graph: Graph;
  places: Places;
  /** Index into STATES and WIDTHS, edge by edge. */
  state: Uint8Array;
  width: Uint8Array;
  /** Edges in the order in which they are drawn: what is wrong lies on top. */
  order: Uint32Array;
}

export function sceneOf(graph: Graph, places: Places): Scene {
  const count = graph.source.length;
  const state = new Uint8Array(count);
  const width = new Uint8Array(count);
  const largest = graph.bytes.reduce((most, bytes) => Math.max(most, bytes), 1);
  for (let at = 0; at < count; at += 1) {
    state[at] = STATES.indexOf(stateOf(graph, at));
    const share = Math.log1p(graph.bytes[at] ?? 0) / Math.log1p(largest);
    width[at] = Math.min(WIDTHS.length - 1, Math.floor(share ** 3 * WIDTHS.length));
  }
  const order = Uint32Array.from({ length: count }, (_, at) => at).sort(
    (a, b) => (state[a] ?? 0) - (state[b] ?? 0) || (width[a] ?? 0) - (width[b] ?? 0) || a - b,
  );
  return { graph, places, state, width, order };
}

function stateOf(graph: Graph, at: number): State {
  const status = graph.status[at] ?? "";
  if (status === "new" || status === "gone") return status;
  if ((graph.failed[at] ?? 0) > 0) return "failing";
  const opened = graph.opened[at] ?? 0;
  if ((graph.reset[at] ?? 0) > Math.max(1, 0.02 * opened)) return "reset";
  return "plain";
}

export const widthOf = (scene: Scene, edge: number): number => WIDTHS[scene.width[edge] ?? 0] ?? 1;

/** Where an edge leaves and enters its boxes, and how far its curve swings out. */
export function ends(scene: Scene, edge: number): readonly [number, number, number, number, number] {
  const { graph, places } = scene;
  const from = graph.source[edge] ?? 0;
  const to = graph.target[edge] ?? 0;
  const x1 = places.x[from] ?? 0;
  const y1 = places.y[from] ?? 0;
  const x2 = places.x[to] ?? 0;
  const y2 = places.y[to] ?? 0;
  const half = BOX.width / 2;
  const right = x2 > x1 + half;
  const left = x2 < x1 - half;
  if (!right && !left) return [x1 + half, y1, x2 + half, y2, 70];
  const side = right ? 1 : -1;
  return [x1 + side * half, y1, x2 - side * half, y2, side * Math.max(40, Math.abs(x2 - x1) / 2 - half / 2)];
}
