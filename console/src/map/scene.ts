/** What a picture of the map is made of: boxes with places, ways of edges, and how each of them is. */
import { percent } from "../state/format";
import { kindOf } from "../state/kinds";
import { STATES, WRONG, healthOf, ranked, stateOf, type State } from "./severity";
import { islandOf } from "./layout/islands";
import { grave, type Marks } from "./marks";
import { nameOf } from "./terms";
import type { Graph, Status } from "./model";
import { along, flattened, type Paths } from "./layout/paths";
import { BOX, type Places } from "./layout/plane";
import { direct, routes } from "./layout/routes";

export const WIDTHS = [1, 1.5, 2.25, 3.5, 5];

/** A word beside an edge: what is wrong with it, or how it has changed. */
export interface Badge {
  edge: number;
  text: string;
  x: number;
  y: number;
  width: number;
  /** A finding is marked on it. */
  found: "" | "grave" | "found";
}

/** Shapes that stand together under a name. */
export interface Island {
  name: string;
  /** The key of the open group; empty: they only have a name in common. */
  group: string;
  shapes: number[];
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Scene {
  graph: Graph;
  places: Places;
  paths: Paths;
  /** Too many shapes for columns: they stand in islands. */
  large: boolean;
  /** Index into STATES and WIDTHS, edge by edge. */
  state: Uint8Array;
  width: Uint8Array;
  /** Edges in the order in which they are drawn: what is wrong lies on top. */
  order: Uint32Array;
  /** Failed connections to each shape, as the one that is called. */
  failing: Float64Array;
  badges: Badge[];
  marks: Marks;
  islands: Island[];
}

const BADGES = 80;
export const BADGE_HEIGHT = 18;

export function sceneOf(graph: Graph, places: Places, large: boolean, marks: Marks): Scene {
  const edges = graph.source.length;
  const state = new Uint8Array(edges);
  const width = new Uint8Array(edges);
  const failing = new Float64Array(graph.shapes.length);
  const largest = graph.bytes.reduce((most, bytes) => Math.max(most, bytes), 1);
  for (let at = 0; at < edges; at += 1) {
    state[at] = STATES.indexOf(shownState(graph, at));
    const share = Math.log1p(Math.max(graph.bytes[at] ?? 0, graph.before[at] ?? 0)) / Math.log1p(largest);
    width[at] = Math.min(WIDTHS.length - 1, Math.floor(share ** 3 * WIDTHS.length));
    const target = graph.target[at] ?? 0;
    if (graph.failing[at]) failing[target] = (failing[target] ?? 0) + (graph.failed[at] ?? 0);
  }
  const order = Uint32Array.from({ length: edges }, (_, at) => at).sort(
    (a, b) => (state[a] ?? 0) - (state[b] ?? 0) || (width[a] ?? 0) - (width[b] ?? 0) || a - b,
  );
  const paths = large ? direct(graph, places) : routes(graph, places);
  const scene: Scene = { graph, places, paths, large, state, width, order, failing, badges: [], marks, islands: islandsOf(graph, places, large) };
  return { ...scene, badges: badgesOf(scene) };
}

export const stateAt = (scene: Scene, edge: number): State => STATES[scene.state[edge] ?? 0] ?? "plain";
export const isWrong = (scene: Scene, edge: number): boolean => WRONG.has(stateAt(scene, edge));
export const widthOf = (scene: Scene, edge: number): number => WIDTHS[scene.width[edge] ?? 0] ?? 1;

function shownState(graph: Graph, edge: number): State {
  const status = graph.status[edge] ?? "";
  if (status === "gone" || status === "failing") return status;
  const own = stateOf(healthOf(graph, edge));
  return own === "plain" && status ? status : own;
}

/** How much more or less: in percent of before. */
export function changed(now: number, before: number): string {
  if (before <= 0) return "";
  const share = now / before - 1;
  return share >= 9 ? `×${(share + 1).toFixed(0)}` : `${share < 0 ? "−" : "+"}${percent(Math.abs(share))}`;
}

const SIGNS: Partial<Record<Status, string>> = { new: "+ new", gone: "− gone" };

function badgeText(scene: Scene, edge: number): string {
  const { graph } = scene;
  const { opened, failed, reset, retransmits, packets } = healthOf(graph, edge);
  switch (stateAt(scene, edge)) {
    case "failing":
      return failed > 0 ? `${percent(failed / Math.max(1, opened + failed))}` : "failing";
    case "reset":
      return `${percent(reset / Math.max(1, opened))} reset`;
    case "resent":
      return `${percent(retransmits / packets)} resent`;
    case "more":
    case "less":
      return changed(graph.bytes[edge] ?? 0, graph.before[edge] ?? 0);
    default:
      return SIGNS[graph.status[edge] ?? ""] ?? "";
  }
}

const SHARES = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82, 0.1, 0.9];

/** Each where it covers neither a box nor another; one that has no such place is left out: its edge and its box say it, too. */
function badgesOf(scene: Scene): Badge[] {
  const { graph, places } = scene;
  const told = ranked(graph, [...scene.order].filter((edge) => stateAt(scene, edge) !== "plain" || scene.marks.edges.has(edge))).slice(0, scene.large ? BADGES / 4 : BADGES);
  if (!told.length) return [];
  const line = flattened(scene.paths);
  const badges: Badge[] = [];
  const covers = (x: number, y: number, width: number): boolean => {
    for (let at = 0; at < places.x.length; at += 1) {
      const [dx, dy] = [Math.abs((places.x[at] ?? 0) - x), Math.abs((places.y[at] ?? 0) - y)];
      if (dx < (BOX.width + width) / 2 + 2 && dy < (BOX.height + BADGE_HEIGHT) / 2 + 1) return true;
    }
    return badges.some((one) => Math.abs(one.x - x) < (one.width + width) / 2 + 3 && Math.abs(one.y - y) < BADGE_HEIGHT + 2);
  };
  for (const edge of told) {
    const marks = scene.marks.edges.get(edge);
    const text = badgeText(scene, edge) || (marks?.[0] ? kindOf(marks[0].kind).label : "");
    if (!text) continue;
    const found = !marks ? "" : grave(marks) ? "grave" : "found";
    const width = Math.ceil(text.length * 7.8) + (isWrong(scene, edge) || marks ? 28 : 14);
    const place = SHARES.map((share) => along(line, edge, share)).find(([x, y]) => !covers(x, y, width));
    if (place) badges.push({ edge, text, x: place[0], y: place[1], width, found });
  }
  return badges;
}

function islandsOf(graph: Graph, places: Places, large: boolean): Island[] {
  const found = new Map<string, Island>();
  graph.shapes.forEach((shape, at) => {
    if (!shape.group && !large) return;
    const name = shape.group ? nameOf(shape.group) : islandOf(shape.label);
    const key = shape.group || name;
    const [x, y] = [places.x[at] ?? 0, places.y[at] ?? 0];
    const own = found.get(key) ?? { name, group: shape.group, shapes: [], left: x, right: x, top: y, bottom: y };
    own.shapes.push(at);
    own.left = Math.min(own.left, x);
    own.right = Math.max(own.right, x);
    own.top = Math.min(own.top, y);
    own.bottom = Math.max(own.bottom, y);
    found.set(key, own);
  });
  return [...found.values()];
}
