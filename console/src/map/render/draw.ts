/** Draws a scene on a canvas. Edges of one state and width are one path and one stroke: what costs is the stroke, not the line. */
import { toScreen } from "./camera";
import { drawBadges, drawIslands, drawNames, drawShape } from "./draw-shapes";
import { STATES } from "../severity";
import { DASHES, NEAR, colourOf, type Viewpoint } from "./viewpoint";
import { trace } from "../layout/paths";
import { BOX } from "../layout/plane";
import { WIDTHS, stateAt, widthOf, type Scene } from "../scene";

export function draw(context: CanvasRenderingContext2D, scene: Scene, look: Viewpoint): void {
  const { colours, ratio, width, height } = look;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = colours.bg;
  context.fillRect(0, 0, width, height);
  place(context, look);
  drawIslands(context, scene, look);
  drawEdges(context, scene, look, visible(scene, look, scene.order));
  drawShapes(context, scene, look, scene.graph.shapes.keys());
  if (look.camera.scale >= NEAR) drawBadges(context, scene, look);
  drawNames(context, scene, look);
}

/** Only what is emphasised, over a picture of all. */
export function drawFocus(context: CanvasRenderingContext2D, scene: Scene, look: Viewpoint): void {
  if (!look.focus) return;
  const { edges, shapes } = look.focus;
  place(context, look);
  drawEdges(context, scene, look, visible(scene, look, scene.order.filter((edge) => edges.has(edge))));
  drawShapes(context, scene, look, shapes);
  if (look.camera.scale >= NEAR) drawBadges(context, scene, look);
  context.setTransform(look.ratio, 0, 0, look.ratio, 0, 0);
}

function place(context: CanvasRenderingContext2D, { camera, ratio, width, height }: Viewpoint): void {
  const [x, y] = toScreen(camera, 0, 0, width, height);
  context.setTransform(ratio * camera.scale, 0, 0, ratio * camera.scale, ratio * x, ratio * y);
}

function drawShapes(context: CanvasRenderingContext2D, scene: Scene, look: Viewpoint, shapes: Iterable<number>): void {
  const { camera, width, height } = look;
  const [wide, high] = [width / 2 / camera.scale + BOX.width, height / 2 / camera.scale + BOX.height];
  for (const at of shapes) {
    const [left, top] = [(scene.places.x[at] ?? 0) - camera.x, (scene.places.y[at] ?? 0) - camera.y];
    if (Math.abs(left) < wide && Math.abs(top) < high) drawShape(context, scene, at, look);
  }
}

const FADED = 0.1;

/** Where there are many edges the plain ones are pale, so that boxes, names and what is wrong are seen. */
function drawEdges(context: CanvasRenderingContext2D, scene: Scene, look: Viewpoint, seen: readonly number[]): void {
  const near = look.camera.scale >= NEAR;
  const paths = new Map<number, Path2D>();
  for (const edge of seen) {
    const faded = look.focus !== null && !look.focus.edges.has(edge);
    const key = (faded ? 0 : 1024) + (scene.state[edge] ?? 0) * 8 + (scene.width[edge] ?? 0);
    const path = paths.get(key) ?? new Path2D();
    paths.set(key, path);
    trace(scene.paths, edge, path);
  }
  const plain = look.focus === null ? 1 - Math.min(0.6, seen.length / 400) : 1;
  for (const [key, path] of [...paths].sort((a, b) => a[0] - b[0])) {
    const state = STATES[(key >> 3) & 127] ?? "plain";
    context.globalAlpha = key < 1024 ? FADED : state === "plain" ? plain : 1;
    context.strokeStyle = colourOf(state, look.colours);
    context.lineWidth = Math.max(WIDTHS[key & 7] ?? 1, 0.8 / look.camera.scale);
    context.setLineDash(near ? DASHES[state] : []);
    context.stroke(path);
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
  if (near) for (const edge of seen) if (look.focus === null || look.focus.edges.has(edge)) drawArrow(context, scene, edge, look);
}

/** Edges of which a part may be in the picture. */
function visible(scene: Scene, look: Viewpoint, among: Iterable<number>): number[] {
  const { start, points } = scene.paths;
  const { camera } = look;
  const [wide, high] = [look.width / 2 / camera.scale, look.height / 2 / camera.scale];
  const [left, right, top, bottom] = [camera.x - wide, camera.x + wide, camera.y - high, camera.y + high];
  const found: number[] = [];
  for (const edge of among) {
    let [x1, x2, y1, y2] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let at = start[edge] ?? 0; at < (start[edge + 1] ?? 0); at += 2) {
      const [x, y] = [points[at] ?? 0, points[at + 1] ?? 0];
      if (x < x1) x1 = x;
      if (x > x2) x2 = x;
      if (y < y1) y1 = y;
      if (y > y2) y2 = y;
    }
    if (x2 >= left && x1 <= right && y2 >= top && y1 <= bottom) found.push(edge);
  }
  return found;
}

function drawArrow(context: CanvasRenderingContext2D, scene: Scene, edge: number, look: Viewpoint): void {
  const { start, points } = scene.paths;
  const end = start[edge + 1] ?? 0;
  const [x, y] = [points[end - 2] ?? 0, points[end - 1] ?? 0];
  const angle = Math.atan2(y - (points[end - 3] ?? 0), x - (points[end - 4] ?? 0));
  const size = 6 + widthOf(scene, edge);
  const [cos, sin] = [Math.cos(angle) * size, Math.sin(angle) * size];
  context.fillStyle = colourOf(stateAt(scene, edge), look.colours);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x - cos * 1.4 + sin * 0.6, y - sin * 1.4 - cos * 0.6);
  context.lineTo(x - cos * 1.4 - sin * 0.6, y - sin * 1.4 + cos * 0.6);
  context.fill();
}
