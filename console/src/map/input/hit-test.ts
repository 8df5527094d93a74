/** What lies under the pointer. */
import { flattened, type Paths } from "../layout/paths";
import { BOX } from "../layout/plane";
import type { Scene } from "../scene";

export interface Hit {
  shape: number;
  edge: number;
}

export const NOTHING: Hit = { shape: -1, edge: -1 };

export class Finder {
  private readonly lines: Paths;

  constructor(private readonly scene: Scene) {
    this.lines = flattened(scene.paths);
  }

  at(x: number, y: number, reach: number): Hit {
    const { places } = this.scene;
    for (let shape = places.x.length - 1; shape >= 0; shape -= 1) {
      if (Math.abs((places.x[shape] ?? 0) - x) <= BOX.width / 2 && Math.abs((places.y[shape] ?? 0) - y) <= BOX.height / 2) return { shape, edge: -1 };
    }
    let best = NOTHING;
    let nearest = reach;
    for (const edge of this.scene.order) {
      const far = this.distance(edge, x, y, nearest);
      if (far > nearest) continue;
      nearest = far;
      best = { shape: -1, edge };
    }
    return best;
  }

  /** From a point to an edge; Infinity where it is farther than `within`. */
  private distance(edge: number, x: number, y: number, within: number): number {
    const { start, points } = this.lines;
    let nearest = Infinity;
    for (let at = start[edge] ?? 0; at + 3 < (start[edge + 1] ?? 0); at += 2) {
      const [ax, ay, bx, by] = [points[at] ?? 0, points[at + 1] ?? 0, points[at + 2] ?? 0, points[at + 3] ?? 0];
      if (x < Math.min(ax, bx) - within || x > Math.max(ax, bx) + within || y < Math.min(ay, by) - within || y > Math.max(ay, by) + within) continue;
      nearest = Math.min(nearest, toLine(x, y, ax, ay, bx, by));
    }
    return nearest;
  }
}

function toLine(x: number, y: number, ax: number, ay: number, bx: number, by: number): number {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const t = length ? Math.max(0, Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) : 0;
  return Math.hypot(x - (ax + t * (bx - ax)), y - (ay + t * (by - ay)));
}
