/** What tests ask the map. It is read by them alone; the page does not need it. */
import { flattened } from "./layout/paths";
import { BOX } from "./layout/plane";
import { BADGE_HEIGHT, stateAt, type Scene } from "./scene";
import type { Stage } from "./render/stage";

interface Box {
  key: string;
  label: string;
  kind: string;
  group: string;
  /** On the plane: the middle. It changes only where the shape moves. */
  place: readonly [number, number];
  /** On the canvas, in CSS pixels. */
  left: number;
  top: number;
  width: number;
  height: number;
}

interface MapHook {
  boxes(): Box[];
  /** The words beside edges, on the canvas, in CSS pixels. */
  badges(): { text: string; left: number; top: number; width: number; height: number }[];
  /** Keys of both ends, how it is drawn, and points of its way on the canvas. */
  edges(): { from: string; to: string; state: string; points: (readonly [number, number])[] }[];
  frames: { began: number[]; cost: number[] };
  layoutMs(): number;
  /** How often a scene was shown. */
  shown: number;
  pan(dx: number, dy: number): void;
  zoom(factor: number): void;
  fit(): void;
}

declare global {
  interface Window {
    weirMap?: MapHook;
  }
}

export function expose(stage: Stage, scene: () => Scene | null, layoutMs: () => number): void {
  window.weirMap = {
    boxes: () => boxes(stage, scene()),
    badges: () =>
      (scene()?.badges ?? []).map(({ text, x, y, width }) => {
        const { scale } = stage.look().camera;
        const [left, top] = stage.at(x - width / 2, y - BADGE_HEIGHT / 2);
        return { text, left, top, width: width * scale, height: BADGE_HEIGHT * scale };
      }),
    edges: () => edges(stage, scene()),
    frames: stage.frames,
    layoutMs,
    shown: 0,
    pan: (dx, dy) => stage.pan(dx, dy),
    zoom: (factor) => stage.zoom(factor),
    fit: () => stage.fit(false),
  };
}

export function hide(): void {
  delete window.weirMap;
}

function boxes(stage: Stage, scene: Scene | null): Box[] {
  const { scale } = stage.look().camera;
  return (scene?.graph.shapes ?? []).map(({ key, label, kind, group }, at) => {
    const place = [scene?.places.x[at] ?? 0, scene?.places.y[at] ?? 0] as const;
    const [left, top] = stage.at(place[0] - BOX.width / 2, place[1] - BOX.height / 2);
    return { key, label, kind, group, place, left, top, width: BOX.width * scale, height: BOX.height * scale };
  });
}

function edges(stage: Stage, scene: Scene | null): ReturnType<MapHook["edges"]> {
  if (!scene) return [];
  const line = flattened(scene.paths);
  return Array.from(scene.graph.source, (from, edge) => ({
    from: scene.graph.shapes[from]?.key ?? "",
    to: scene.graph.shapes[scene.graph.target[edge] ?? 0]?.key ?? "",
    state: stateAt(scene, edge),
    points: Array.from({ length: ((line.start[edge + 1] ?? 0) - (line.start[edge] ?? 0)) / 2 }, (_, point) => {
      const at = (line.start[edge] ?? 0) + 2 * point;
      return stage.at(line.points[at] ?? 0, line.points[at + 1] ?? 0);
    }),
  }));
}
