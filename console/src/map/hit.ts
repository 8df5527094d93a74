/** What lies under the pointer: boxes and edges in squares of the plane, so that only a few are looked at. */
import { BOX } from "./layered";
import { ends, type Scene } from "./scene";

const SQUARE = 96;
const SAMPLES = 24;

export interface Hit {
  shape: number;
  edge: number;
}

export const NOTHING: Hit = { shape: -1, edge: -1 };

export class Finder {
  private readonly squares = new Map<string, number[]>();

  constructor(private readonly scene: Scene) {
    for (let edge = 0; edge < scene.graph.source.length; edge += 1) {
      for (const [x, y] of curve(scene, edge)) {
        const key = square(x, y);
        const own = this.squares.get(key) ?? [];
        if (own[own.length - 1] !== edge) own.push(edge);
        this.squares.set(key, own);
      }
    }
  }

  at(x: number, y: number, reach: number): Hit {
    const { places } = this.scene;
    for (let shape = places.x.length - 1; shape >= 0; shape -= 1) {
      if (Math.abs((places.x[shape] ?? 0) - x) <= BOX.width / 2 && Math.abs((places.y[shape] ?? 0) - y) <= BOX.height / 2) return { shape, edge: -1 };
    }
    let best = NOTHING;
    let nearest = reach;
    for (const [dx, dy] of [[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1], [1, 1], [-1, -1], [1, -1], [-1, 1]] as const) {
      for (const edge of this.squares.get(square(x + dx * SQUARE, y + dy * SQUARE)) ?? []) {
        const far = distance(this.scene, edge, x, y);
        if (far < nearest) {
          nearest = far;
          best = { shape: -1, edge };
        }
      }
    }
    return best;
  }
}

const square = (x: number, y: number): string => `${Math.floor(x / SQUARE)},${Math.floor(y / SQUARE)}`;

function* curve(scene: Scene, edge: number): Generator<readonly [number, number]> {
  const [x1, y1, x2, y2, swing] = ends(scene, edge);
  const back = swing === 70 ? -1 : 1;
  for (let at = 0; at <= SAMPLES; at += 1) {
    const t = at / SAMPLES;
    const u = 1 - t;
    const x = u ** 3 * x1 + 3 * u * u * t * (x1 + swing) + 3 * u * t * t * (x2 - swing * back) + t ** 3 * x2;
    const y = (u ** 3 + 3 * u * u * t) * y1 + (3 * u * t * t + t ** 3) * y2;
    yield [x, y];
  }
}

function distance(scene: Scene, edge: number, x: number, y: number): number {
  let nearest = Infinity;
  let last: readonly [number, number] | null = null;
  for (const point of curve(scene, edge)) {
    if (last) nearest = Math.min(nearest, toSegment(x, y, last, point));
    last = point;
  }
  return nearest;
}

function toSegment(x: number, y: number, [ax, ay]: readonly [number, number], [bx, by]: readonly [number, number]): number {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const t = length ? Math.max(0, Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) : 0;
  return Math.hypot(x - (ax + t * (bx - ax)), y - (ay + t * (by - ay)));
}
