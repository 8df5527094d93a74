/** Draws boxes, the words beside edges, and the islands under them. */
import { bytes as shownBytes, count } from "../../state/format";
import { SHORE } from "../layout/islands";
import { NEAR, colourOf, type Viewpoint } from "./viewpoint";
import { grave } from "../marks";
import type { Shape } from "../model";
import type { Palette } from "./palette";
import { BOX, PITCH } from "../layout/plane";
import { BADGE_HEIGHT, changed, isWrong, stateAt, type Badge, type Island, type Scene } from "../scene";
import { fitting } from "./text";

const FAMILY = "system-ui, 'Liberation Sans', sans-serif";
const NAME = `600 13px ${FAMILY}`;
const BADGE = `600 11px ${FAMILY}`;
const MARKS: Record<Shape["kind"], string> = { workload: "", group: "▤", outside: "☁", unnamed: "?", rest: "…" };
type Context = CanvasRenderingContext2D;

export function drawShape(context: Context, scene: Scene, at: number, look: Viewpoint): void {
  const shape = scene.graph.shapes[at];
  if (!shape) return;
  const { colours, camera } = look;
  const failing = scene.failing[at] ?? 0;
  const left = (scene.places.x[at] ?? 0) - BOX.width / 2;
  const top = (scene.places.y[at] ?? 0) - BOX.height / 2;
  context.globalAlpha = look.focus !== null && !look.focus.shapes.has(at) ? 0.28 : 1;
  context.fillStyle = shape.status === "gone" ? colours.bg : colours.panel;
  context.strokeStyle = failing > 0 ? colours.bad : shape.status === "new" ? colours.good : colours.line;
  context.lineWidth = failing > 0 || shape.status === "new" ? 2 : 1.25;
  if (camera.scale < 0.16) far(context, shape, left, top, colours, failing);
  else outline(context, shape, left, top);
  if (shape.key === look.selected) ring(context, left, top, colours.accent, camera.scale);
  if (camera.scale >= 0.3) words(context, shape, failing, left, top, look);
  const marks = scene.marks.shapes.get(at);
  if (marks) diamond(context, left + BOX.width - 2, top + 1, Math.min(BOX.height / 2, Math.max(8, 6 / camera.scale)), grave(marks) ? colours.bad : colours.warn, colours.bg);
  context.globalAlpha = 1;
}

/** So small that only a spot is seen. */
function far(context: Context, shape: Shape, left: number, top: number, colours: Palette, failing: number): void {
  context.fillStyle = failing > 0 ? colours.bad : shape.kind === "unnamed" ? colours.warn : colours.edge;
  context.fillRect(left, top, BOX.width, BOX.height);
}

function outline(context: Context, shape: Shape, left: number, top: number): void {
  if (shape.kind === "unnamed" || shape.status === "gone") context.setLineDash([4, 3]);
  if (shape.kind === "group" || shape.kind === "rest") {
    context.beginPath();
    context.roundRect(left + 4, top - 4, BOX.width, BOX.height, 7);
    context.fill();
    context.stroke();
  }
  context.beginPath();
  context.roundRect(left, top, BOX.width, BOX.height, shape.kind === "outside" ? BOX.height / 2 : 7);
  context.fill();
  context.stroke();
  context.setLineDash([]);
}

function ring(context: Context, left: number, top: number, colour: string, scale: number): void {
  context.strokeStyle = colour;
  context.lineWidth = Math.max(3, 2 / scale);
  context.beginPath();
  context.roundRect(left - 3, top - 3, BOX.width + 6, BOX.height + 6, 10);
  context.stroke();
}

function words(context: Context, shape: Shape, failing: number, left: number, top: number, look: Viewpoint): void {
  const { colours } = look;
  const inset = shape.kind === "outside" ? 18 : 11;
  const sign = shape.status === "new" ? "+ " : shape.status === "gone" ? "− " : "";
  const mark = MARKS[shape.kind] ? `${MARKS[shape.kind]} ` : "";
  const room = BOX.width - 2 * inset;
  const { name, small } = sizes(look.camera.scale);
  const low = top + 23 + name * 0.9;
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillStyle = colours.ink;
  context.font = `600 ${name}px ${FAMILY}`;
  context.fillText(fitting(context, `${sign}${mark}${shape.label}`, room), left + inset, top + 7 + name * 0.9);
  const wrong = failing > 0 ? count(failing) + (name > 14 ? "" : " failed") : "";
  context.font = `600 ${small}px ${FAMILY}`;
  const taken = wrong ? context.measureText(wrong).width + 20 : 0;
  context.font = `${small}px ${FAMILY}`;
  context.fillStyle = colours.dim;
  context.fillText(second(context, shape, look.seconds, room - taken), left + inset, low);
  if (!wrong) return;
  const right = left + BOX.width - inset;
  context.font = `600 ${small}px ${FAMILY}`;
  context.fillStyle = colours.bad;
  context.fillText(wrong, right - taken + 20, low);
  triangle(context, right - taken + 11, low - 4, colours.bad, colours.panel);
}

/** From afar words are larger on their boxes, so that they are still read. Whole numbers: they do not tremble under the wheel. */
function sizes(scale: number): { name: number; small: number } {
  return { name: Math.round(Math.min(17, Math.max(13, 10.5 / scale))), small: Math.round(Math.min(14, Math.max(11.5, 9 / scale))) };
}

/** The first that fits: all of it, the rate alone, or nothing. */
function second(context: Context, shape: Shape, seconds: number, room: number): string {
  const rate = `${shownBytes(shape.bytes / Math.max(1, seconds))}/s`;
  if (shape.status === "gone") return fitting(context, `was ${shownBytes(shape.before / Math.max(1, seconds))}/s`, room);
  const change = shape.status === "more" || shape.status === "less" ? ` ${changed(shape.bytes, shape.before)}` : "";
  const all = shape.members > 1 ? `${count(shape.members)} · ${rate}${change}` : `${rate}${change}`;
  return [all, rate].find((text) => fitting(context, text, room) === text) ?? "";
}

/** A finding. */
function diamond(context: Context, x: number, y: number, size: number, colour: string, around: string): void {
  context.fillStyle = colour;
  context.strokeStyle = around;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
  context.closePath();
  context.fill();
  context.stroke();
}

/** What is wrong is seen without its colour. */
function triangle(context: Context, x: number, y: number, colour: string, inner: string): void {
  context.fillStyle = colour;
  context.beginPath();
  context.moveTo(x, y - 6);
  context.lineTo(x + 7, y + 5);
  context.lineTo(x - 7, y + 5);
  context.fill();
  context.fillStyle = inner;
  context.fillRect(x - 0.8, y - 2.5, 1.6, 4);
  context.fillRect(x - 0.8, y + 2.5, 1.6, 1.6);
}

export function drawBadges(context: Context, scene: Scene, look: Viewpoint): void {
  for (const badge of scene.badges) {
    if (look.focus === null || look.focus.edges.has(badge.edge)) drawBadge(context, scene, badge, look);
  }
}

function drawBadge(context: Context, scene: Scene, badge: Badge, { colours }: Viewpoint): void {
  const wrong = isWrong(scene, badge.edge);
  const colour = badge.found && !wrong ? (badge.found === "grave" ? colours.bad : colours.warn) : colourOf(stateAt(scene, badge.edge), colours);
  const signed = wrong || badge.found !== "";
  const [left, top] = [badge.x - badge.width / 2, badge.y - BADGE_HEIGHT / 2];
  context.fillStyle = colours.bg;
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  context.beginPath();
  context.roundRect(left, top, badge.width, BADGE_HEIGHT, BADGE_HEIGHT / 2);
  context.fill();
  context.stroke();
  if (badge.found) diamond(context, left + 12, badge.y, 6, badge.found === "grave" ? colours.bad : colours.warn, colours.bg);
  else if (wrong) triangle(context, left + 13, badge.y, colour, colours.bg);
  context.fillStyle = colour;
  context.font = BADGE;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(fitting(context, badge.text, badge.width - (signed ? 26 : 10)), left + (signed ? 22 : 6), badge.y + 0.5);
}

export function drawIslands(context: Context, scene: Scene, look: Viewpoint): void {
  for (const island of scene.islands) {
    if (scene.large) shore(context, island, look);
    else ground(context, scene, island, look);
  }
}

/** Names of islands, where those of their shapes cannot be read. */
export function drawNames(context: Context, scene: Scene, look: Viewpoint): void {
  if (!scene.large || look.camera.scale >= NEAR) return;
  for (const island of scene.islands) if (island.shapes.length > 1) nameAbove(context, island, look);
}

export const HEAD = { width: PITCH.x, height: 24 };

/** Under the members of an open group: their own cells and nothing else's. */
function ground(context: Context, scene: Scene, island: Island, { colours }: Viewpoint): void {
  context.fillStyle = colours.accent;
  context.globalAlpha = 0.09;
  context.beginPath();
  for (const at of island.shapes) {
    const [x, y] = [scene.places.x[at] ?? 0, scene.places.y[at] ?? 0];
    context.rect(x - PITCH.x / 2, y - PITCH.y / 2 + 1, PITCH.x, PITCH.y);
  }
  const [left, top] = headOf(scene, island);
  context.rect(left, top, HEAD.width, HEAD.height);
  context.fill();
  context.globalAlpha = 1;
  context.fillStyle = colours.accent;
  context.font = NAME;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(fitting(context, `▾ ${island.name} · ${island.shapes.length}`, BOX.width), left + (HEAD.width - BOX.width) / 2, top + 13);
}

/** The upper left corner of the name of an open group; it is as large as HEAD. */
export function headOf(scene: Scene, island: Island): readonly [number, number] {
  const first = island.shapes.reduce((best, at) => {
    const [x, y] = [scene.places.x[at] ?? 0, scene.places.y[at] ?? 0];
    const [bx, by] = [scene.places.x[best] ?? 0, scene.places.y[best] ?? 0];
    return x < bx || (x === bx && y < by) ? at : best;
  }, island.shapes[0] ?? 0);
  return [(scene.places.x[first] ?? 0) - PITCH.x / 2, (scene.places.y[first] ?? 0) - PITCH.y / 2 - 22];
}

function shore(context: Context, island: Island, { colours }: Viewpoint): void {
  context.fillStyle = colours.line;
  context.globalAlpha = 0.35;
  context.fillRect(island.left - BOX.width / 2 - 16, island.top - BOX.height / 2 - 12, island.right - island.left + BOX.width + 32, island.bottom - island.top + BOX.height + 24);
  context.globalAlpha = 1;
}

/** As large as it can be read from afar, and no wider than the island; not at all where it would be too small. */
function nameAbove(context: Context, island: Island, { camera, colours }: Viewpoint): void {
  const room = island.right - island.left + BOX.width + 32;
  const wanted = Math.min(SHORE - 26, 13 / camera.scale);
  context.font = `600 100px ${FAMILY}`;
  const size = Math.floor(Math.min(wanted, (100 * room) / context.measureText(island.name).width));
  if (size * camera.scale < 7.5) return;
  context.font = `600 ${size}px ${FAMILY}`;
  context.fillStyle = colours.ink;
  context.textAlign = "left";
  context.textBaseline = "bottom";
  context.fillText(island.name, island.left - BOX.width / 2 - 16, island.top - BOX.height / 2 - 14);
}
