/** Draws a scene on a canvas. Edges of one state and width are one path and one stroke: what costs is the stroke, not the line. */
import { bytes as shownBytes } from "../state/format";
import type { Camera } from "./camera";
import { BOX } from "./layered";
import type { Shape } from "./model";
import { STATES, ends, widthOf, type Scene, type State } from "./scene";

export interface Palette {
  bg: string;
  panel: string;
  ink: string;
  dim: string;
  line: string;
  edge: string;
  accent: string;
  bad: string;
  warn: string;
  good: string;
}

export function palette(element: Element): Palette {
  const style = getComputedStyle(element);
  const probe = document.createElement("span");
  element.append(probe);
  const get = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color || style.color;
  };
  const found = Object.fromEntries(["bg", "panel", "ink", "dim", "line", "edge", "accent", "bad", "warn", "good"].map((name) => [name, get(name)]));
  probe.remove();
  return found as unknown as Palette;
}

/** What is emphasised: everything else is faded. Null: nothing is. */
export interface Focus {
  shapes: Set<number>;
  edges: Set<number>;
}

export interface Look {
  camera: Camera;
  colours: Palette;
  selected: string;
  focus: Focus | null;
  /** Bytes are said as a rate over so many seconds. */
  seconds: number;
}

const NEAR = 0.45;
const DASHES: Record<State, number[]> = { plain: [], new: [], gone: [2, 5], reset: [8, 3, 2, 3], failing: [9, 4] };

export function draw(context: CanvasRenderingContext2D, width: number, height: number, ratio: number, scene: Scene, look: Look): void {
  const { camera, colours } = look;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = colours.bg;
  context.fillRect(0, 0, width, height);
  context.setTransform(ratio * camera.scale, 0, 0, ratio * camera.scale, ratio * (width / 2 - camera.x * camera.scale), ratio * (height / 2 - camera.y * camera.scale));
  const half = { x: width / 2 / camera.scale + BOX.width, y: height / 2 / camera.scale + BOX.height };
  const within = (x: number, y: number): boolean => Math.abs(x - camera.x) < half.x && Math.abs(y - camera.y) < half.y;
  drawEdges(context, scene, look, within);
  scene.graph.shapes.forEach((shape, at) => {
    const x = scene.places.x[at] ?? 0;
    const y = scene.places.y[at] ?? 0;
    if (within(x, y)) drawShape(context, shape, x, y, look, look.focus !== null && !look.focus.shapes.has(at));
  });
}

function colourOf(state: State, colours: Palette): string {
  return { plain: colours.edge, failing: colours.bad, reset: colours.warn, new: colours.good, gone: colours.dim }[state];
}

function drawEdges(context: CanvasRenderingContext2D, scene: Scene, look: Look, within: (x: number, y: number) => boolean): void {
  const near = look.camera.scale >= NEAR;
  const arrows: number[] = [];
  const paths = new Map<number, Path2D>();
  for (const edge of scene.order) {
    const faded = look.focus !== null && !look.focus.edges.has(edge);
    const [x1, y1, x2, y2, swing] = ends(scene, edge);
    if (!within(x1, y1) && !within(x2, y2) && !within((x1 + x2) / 2, (y1 + y2) / 2)) continue;
    const key = ((scene.state[edge] ?? 0) * 8 + (scene.width[edge] ?? 0)) * 2 + (faded ? 1 : 0);
    const path = paths.get(key) ?? new Path2D();
    paths.set(key, path);
    path.moveTo(x1, y1);
    if (near) path.bezierCurveTo(x1 + swing, y1, x2 - swing * (swing === 70 ? -1 : 1), y2, x2, y2);
    else path.lineTo(x2, y2);
    if (near && !faded) arrows.push(edge);
  }
  for (const key of [...paths.keys()].sort((a, b) => (b & 1) - (a & 1) || a - b)) {
    const state = STATES[key >> 4] ?? "plain";
    context.globalAlpha = key & 1 ? 0.12 : 1;
    context.strokeStyle = colourOf(state, look.colours);
    context.lineWidth = Math.max(WIDTH_OF_CLASS[(key >> 1) & 7] ?? 1, 0.7 / look.camera.scale);
    context.setLineDash(near ? DASHES[state] : []);
    const path = paths.get(key);
    if (path) context.stroke(path);
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
  for (const edge of arrows) drawArrow(context, scene, edge, look);
}

const WIDTH_OF_CLASS = [1, 1.5, 2.25, 3.5, 5];

function drawArrow(context: CanvasRenderingContext2D, scene: Scene, edge: number, look: Look): void {
  const [, , x, y, swing] = ends(scene, edge);
  const side = swing === 70 ? -1 : Math.sign(swing);
  const size = 5 + widthOf(scene, edge);
  context.fillStyle = colourOf(STATES[scene.state[edge] ?? 0] ?? "plain", look.colours);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x - side * size * 1.5, y - size * 0.7);
  context.lineTo(x - side * size * 1.5, y + size * 0.7);
  context.fill();
}

const MARKS = { workload: "", group: "▤", outside: "☁", unnamed: "?", rest: "…" };

function drawShape(context: CanvasRenderingContext2D, shape: Shape, x: number, y: number, look: Look, faded: boolean): void {
  const { colours } = look;
  const left = x - BOX.width / 2;
  const top = y - BOX.height / 2;
  context.globalAlpha = faded ? 0.3 : 1;
  context.fillStyle = colours.panel;
  context.strokeStyle = shape.failed > 0 ? colours.bad : colours.line;
  context.lineWidth = 1.25;
  if (shape.kind === "unnamed") context.setLineDash([4, 3]);
  context.beginPath();
  context.roundRect(left, top, BOX.width, BOX.height, shape.kind === "outside" ? BOX.height / 2 : 7);
  context.fill();
  if (shape.kind === "group") {
    context.stroke();
    context.beginPath();
    context.roundRect(left + 3, top + 3, BOX.width - 6, BOX.height - 6, 5);
  }
  context.stroke();
  context.setLineDash([]);
  if (shape.key === look.selected) ring(context, left, top, colours.accent);
  if (look.camera.scale >= 0.3) label(context, shape, left, top, look);
  context.globalAlpha = 1;
}

function ring(context: CanvasRenderingContext2D, left: number, top: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 3;
  context.beginPath();
  context.roundRect(left - 3, top - 3, BOX.width + 6, BOX.height + 6, 10);
  context.stroke();
}

function label(context: CanvasRenderingContext2D, shape: Shape, left: number, top: number, look: Look): void {
  const { colours } = look;
  context.textBaseline = "alphabetic";
  context.fillStyle = colours.ink;
  context.font = "600 13px system-ui, 'Liberation Sans', sans-serif";
  const mark = MARKS[shape.kind];
  context.fillText(shortened(context, mark ? `${mark} ${shape.label}` : shape.label, BOX.width - 22), left + 11, top + 19);
  context.fillStyle = colours.dim;
  context.font = "11.5px system-ui, 'Liberation Sans', sans-serif";
  const rate = `${shownBytes(shape.bytes / Math.max(1, look.seconds))}/s`;
  context.fillText(shape.members > 1 ? `${shape.members} members · ${rate}` : rate, left + 11, top + 35);
  if (shape.failed > 0) badge(context, left + BOX.width - 13, top + 13, colours);
}

/** A triangle: what is wrong is seen without its colour. */
function badge(context: CanvasRenderingContext2D, x: number, y: number, colours: Palette): void {
  context.fillStyle = colours.bad;
  context.beginPath();
  context.moveTo(x, y - 7);
  context.lineTo(x + 8, y + 6);
  context.lineTo(x - 8, y + 6);
  context.fill();
  context.fillStyle = colours.panel;
  context.fillRect(x - 0.9, y - 3, 1.8, 5);
  context.fillRect(x - 0.9, y + 3, 1.8, 1.8);
}

const widths = new Map<string, string>();

function shortened(context: CanvasRenderingContext2D, text: string, room: number): string {
  const known = widths.get(text);
  if (known !== undefined) return known;
  let shown = text;
  if (context.measureText(text).width > room) {
    let [low, high] = [1, text.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (context.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle;
      else high = middle - 1;
    }
    shown = `${text.slice(0, low)}…`;
  }
  if (widths.size > 20_000) widths.clear();
  widths.set(text, shown);
  return shown;
}
