/** The arrow keys: from a shape to the nearest of its neighbours in a direction; to the nearest shape of all where it has none there. */
import { edgesOf } from "../model";
import type { Scene } from "../scene";

export type Arrow = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";
/** What was selected on the map itself, by a click or an arrow key: the focus stays on the map then. */
export const walked = { to: "" };

const STEPS: Record<Arrow, readonly [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The row of the next shape; -1: there is none. */
export function walk(scene: Scene, from: number, arrow: Arrow): number {
  const all = scene.graph.shapes.map((_, at) => at);
  if (from < 0) return first(scene);
  const near = edgesOf(scene.graph, from).map((edge) => {
    const source = scene.graph.source[edge] ?? 0;
    return source === from ? (scene.graph.target[edge] ?? 0) : source;
  });
  const found = nearest(scene, from, arrow, near);
  return found >= 0 ? found : nearest(scene, from, arrow, all);
}

/** Where walking begins: what is wrong most, or what carries most. */
function first(scene: Scene): number {
  let best = scene.graph.shapes.length ? 0 : -1;
  scene.graph.shapes.forEach((shape, at) => {
    const better = (scene.failing[at] ?? 0) - (scene.failing[best] ?? 0) || shape.bytes - (scene.graph.shapes[best]?.bytes ?? 0);
    if (better > 0) best = at;
  });
  return best;
}

function nearest(scene: Scene, from: number, arrow: Arrow, among: number[]): number {
  const [sideX, sideY] = STEPS[arrow];
  const { x, y } = scene.places;
  let best = -1;
  let least = Infinity;
  for (const at of among) {
    const [dx, dy] = [(x[at] ?? 0) - (x[from] ?? 0), (y[at] ?? 0) - (y[from] ?? 0)];
    const ahead = dx * sideX + dy * sideY;
    const aside = Math.abs(dx * sideY) + Math.abs(dy * sideX);
    if (at === from || ahead <= 0 || aside > ahead * 4) continue;
    const far = ahead + aside * 1.5;
    if (far < least) [best, least] = [at, far];
  }
  return best;
}
