/**
 * The ways of edges between boxes that stand in columns: level through the gaps between the boxes of a column, curved between columns.
 * Edges that share a side of a box, or a gap, run side by side.
 */
import type { Graph } from "../model";
import { PathsMaker, type Paths } from "./paths";
import { BOX, PITCH, type Places, type Point } from "./plane";

/** Room between a lane and the box beside it. */
const CLEAR = 5;
const LANE = 5;

interface Stop {
  column: number;
  /** Of the gap that it runs through: where it begins. */
  gap: number;
  room: readonly [number, number];
  y: number;
}

interface Route {
  edge: number;
  from: number;
  to: number;
  /** 1: to the right; -1: to the left; 0: within a column. */
  side: -1 | 0 | 1;
  stops: Stop[];
  leaves: number;
  arrives: number;
}

export function routes(graph: Graph, places: Places): Paths {
  const columns = columnsOf(places);
  const all = Array.from(graph.source, (from, edge) => route(edge, from, graph.target[edge] ?? 0, places, columns));
  lanes(all);
  ports(all, places);
  const maker = new PathsMaker();
  for (const one of all) write(one, places, maker);
  return maker.done(false);
}

/** Lines from middle to border: for a map of so many edges that nobody follows one without pointing at it. */
export function direct(graph: Graph, places: Places): Paths {
  const maker = new PathsMaker();
  graph.source.forEach((from, edge) => {
    const to = graph.target[edge] ?? 0;
    const [x1, y1, x2, y2] = [places.x[from] ?? 0, places.y[from] ?? 0, places.x[to] ?? 0, places.y[to] ?? 0];
    if (from === to) loop(x1, y1, maker);
    else {
      const [endX, endY] = border(x2, y2, x1, y1);
      maker.begin(x1, y1);
      maker.straight(x1, y1, endX, endY);
    }
  });
  return maker.done(true);
}

/** Where the line from the middle of a box to another place leaves the box. */
function border(x: number, y: number, toX: number, toY: number): Point {
  const [dx, dy] = [toX - x, toY - y];
  const share = Math.min(BOX.width / 2 / Math.max(1e-9, Math.abs(dx)), BOX.height / 2 / Math.max(1e-9, Math.abs(dy)));
  return [x + dx * share, y + dy * share];
}

type Columns = Map<number, number[]>;

const columnOf = (x: number): number => Math.round(x / PITCH.x);

/** The middles of the boxes of each column, from top to bottom. */
function columnsOf(places: Places): Columns {
  const found: Columns = new Map();
  places.x.forEach((x, shape) => {
    const own = found.get(columnOf(x)) ?? [];
    own.push(places.y[shape] ?? 0);
    found.set(columnOf(x), own);
  });
  for (const own of found.values()) own.sort((a, b) => a - b);
  return found;
}

function route(edge: number, from: number, to: number, places: Places, columns: Columns): Route {
  const [first, last] = [columnOf(places.x[from] ?? 0), columnOf(places.x[to] ?? 0)];
  const side = Math.sign(last - first) as -1 | 0 | 1;
  const stops: Stop[] = [];
  const goal = places.y[to] ?? 0;
  let y = places.y[from] ?? 0;
  for (let column = first + side; side && column !== last; column += side) {
    const steps = Math.abs(last - column) + 1;
    const stop = gapNear(columns.get(column) ?? [], y + (goal - y) / steps, column);
    y = stop.y;
    stops.push(stop);
  }
  return { edge, from, to, side, stops, leaves: 0, arrives: 0 };
}

/** The gap of a column in which a way comes nearest to `y`. */
function gapNear(boxes: number[], y: number, column: number): Stop {
  const half = BOX.height / 2 + CLEAR;
  let best: Stop = { column, gap: -Infinity, room: [-Infinity, Infinity], y };
  let least = Infinity;
  for (let at = 0; at <= boxes.length; at += 1) {
    const top = (boxes[at - 1] ?? -Infinity) + half;
    const bottom = (boxes[at] ?? Infinity) - half;
    if (bottom < top) continue;
    const own = Math.min(bottom, Math.max(top, y));
    if (Math.abs(own - y) >= least) continue;
    least = Math.abs(own - y);
    best = { column, gap: top, room: [top, bottom], y: own };
  }
  return best;
}

/** Edges through the same gap: side by side, in the order in which they come. */
function lanes(all: Route[]): void {
  const gaps = new Map<string, Stop[]>();
  for (const one of all) {
    for (const stop of one.stops) {
      const key = `${stop.column} ${stop.gap}`;
      gaps.set(key, [...(gaps.get(key) ?? []), stop]);
    }
  }
  for (const stops of gaps.values()) {
    const order = stops.map((stop, at) => ({ stop, at })).sort((a, b) => a.stop.y - b.stop.y || a.at - b.at);
    const [top, bottom] = stops[0]?.room ?? [0, 0];
    const step = Math.min(LANE, (bottom - top) / Math.max(1, stops.length - 1));
    let least = top;
    order.forEach(({ stop }, at) => {
      const most = bottom - (stops.length - 1 - at) * step;
      stop.y = Math.max(least, Math.min(most, stop.y));
      least = stop.y + step;
    });
  }
}

/** Where edges touch their boxes: spread over the side, in the order of where they come from or go to. */
function ports(all: Route[], places: Places): void {
  const sides = new Map<string, { y: number; edge: number; put: (dy: number) => void }[]>();
  const note = (shape: number, side: number, y: number, edge: number, put: (dy: number) => void): void => {
    const key = `${shape} ${side}`;
    const own = sides.get(key);
    if (own) own.push({ y, edge, put });
    else sides.set(key, [{ y, edge, put }]);
  };
  for (const one of all) {
    if (one.from === one.to) continue;
    const [y1, y2] = [places.y[one.from] ?? 0, places.y[one.to] ?? 0];
    note(one.from, one.side || 1, one.stops[0]?.y ?? y2, one.edge, (dy) => (one.leaves = y1 + dy));
    note(one.to, one.side ? -one.side : 1, one.stops.at(-1)?.y ?? y1, one.edge, (dy) => (one.arrives = y2 + dy));
  }
  for (const own of sides.values()) {
    own.sort((a, b) => a.y - b.y || a.edge - b.edge);
    const step = Math.min(8, (BOX.height - 12) / Math.max(1, own.length - 1));
    own.forEach(({ put }, at) => put((at - (own.length - 1) / 2) * step));
  }
}

function write(one: Route, places: Places, maker: PathsMaker): void {
  const half = BOX.width / 2;
  const [fromX, toX] = [places.x[one.from] ?? 0, places.x[one.to] ?? 0];
  if (one.from === one.to) return loop(fromX, places.y[one.from] ?? 0, maker);
  if (one.side === 0) {
    const swing = 34 + Math.min(40, Math.abs(one.arrives - one.leaves) / 12);
    maker.begin(fromX + half, one.leaves);
    maker.curve(fromX + half + swing, one.leaves, toX + half + swing, one.arrives, toX + half, one.arrives);
    return;
  }
  let [x, y] = [fromX + one.side * half, one.leaves];
  maker.begin(x, y);
  for (const stop of one.stops) {
    const middle = stop.column * PITCH.x;
    maker.level(x, y, middle - one.side * half, stop.y);
    maker.straight(middle - one.side * half, stop.y, middle + one.side * half, stop.y);
    [x, y] = [middle + one.side * half, stop.y];
  }
  maker.level(x, y, toX - one.side * half, one.arrives);
}

/** From a shape to itself: out at its right side and in again below the corner. */
function loop(x: number, y: number, maker: PathsMaker): void {
  const right = x + BOX.width / 2;
  maker.begin(right, y + 6);
  maker.curve(right + 44, y + 10, right + 30, y + 42, right - 14, y + BOX.height / 2);
}
