/** Ways of edges over the plane: for each a beginning and curves, one after the other, in one array of numbers. */
export interface Paths {
  /** Where in `points` each edge begins; one more at the end. */
  start: Uint32Array;
  /** x, y of the beginning; then for each curve its two handles and its end. */
  points: Float64Array;
  /** All are lines from beginning to end, each told as one curve. */
  straight: boolean;
}

/** Numbers of one curve. */
export const CURVE = 6;

export class PathsMaker {
  private readonly start: number[] = [];
  private readonly points: number[] = [];

  begin(x: number, y: number): void {
    this.start.push(this.points.length);
    this.points.push(x, y);
  }

  curve(...numbers: [number, number, number, number, number, number]): void {
    this.points.push(...numbers);
  }

  /** A curve that leaves and arrives level. */
  level(x1: number, y1: number, x2: number, y2: number): void {
    const middle = (x1 + x2) / 2;
    this.curve(middle, y1, middle, y2, x2, y2);
  }

  straight(x1: number, y1: number, x2: number, y2: number): void {
    this.curve(x1 + (x2 - x1) / 3, y1 + (y2 - y1) / 3, x2 - (x2 - x1) / 3, y2 - (y2 - y1) / 3, x2, y2);
  }

  done(straight: boolean): Paths {
    return { straight, start: Uint32Array.from([...this.start, this.points.length]), points: Float64Array.from(this.points) };
  }
}

export type Way = CanvasRenderingContext2D | Path2D;

export function trace({ start, points, straight }: Paths, edge: number, onto: Way): void {
  const [first, end] = [start[edge] ?? 0, start[edge + 1] ?? 0];
  onto.moveTo(points[first] ?? 0, points[first + 1] ?? 0);
  if (straight) {
    onto.lineTo(points[end - 2] ?? 0, points[end - 1] ?? 0);
    return;
  }
  for (let at = first + 2; at < end; at += CURVE) {
    onto.bezierCurveTo(points[at] ?? 0, points[at + 1] ?? 0, points[at + 2] ?? 0, points[at + 3] ?? 0, points[at + 4] ?? 0, points[at + 5] ?? 0);
  }
}

/** Steps along a curve where it is taken apart into lines. */
const PARTS = 8;

/** Each edge as a line of points: x and y in turn. `start` as in paths. */
export function flattened({ start, points, straight }: Paths): Paths {
  const edges = start.length - 1;
  const parts = straight ? 1 : PARTS;
  const own = new Uint32Array(edges + 1);
  for (let edge = 0; edge < edges; edge += 1) {
    own[edge + 1] = (own[edge] ?? 0) + 2 + (((start[edge + 1] ?? 0) - (start[edge] ?? 0) - 2) / CURVE) * parts * 2;
  }
  const line = new Float64Array(own[edges] ?? 0);
  let next = 0;
  for (let edge = 0; edge < edges; edge += 1) {
    const first = start[edge] ?? 0;
    let x = points[first] ?? 0;
    let y = points[first + 1] ?? 0;
    line[next++] = x;
    line[next++] = y;
    for (let at = first + 2; at < (start[edge + 1] ?? 0); at += CURVE) {
      for (let part = 1; part <= parts; part += 1) {
        const t = part / parts;
        const u = 1 - t;
        const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
        line[next++] = a * x + b * (points[at] ?? 0) + c * (points[at + 2] ?? 0) + d * (points[at + 4] ?? 0);
        line[next++] = a * y + b * (points[at + 1] ?? 0) + c * (points[at + 3] ?? 0) + d * (points[at + 5] ?? 0);
      }
      x = points[at + 4] ?? 0;
      y = points[at + 5] ?? 0;
    }
  }
  return { start: own, points: line, straight };
}

/** Where an edge is halfway (or at another share), by its points. */
export function along(line: Paths, edge: number, share: number): readonly [number, number] {
  const first = line.start[edge] ?? 0;
  const steps = ((line.start[edge + 1] ?? 0) - first) / 2 - 1;
  const whole = Math.min(steps - 1, Math.floor(steps * share));
  const at = first + 2 * whole;
  const rest = steps * share - whole;
  const mix = (a = 0, b = 0): number => a + (b - a) * rest;
  return [mix(line.points[at], line.points[at + 2]), mix(line.points[at + 1], line.points[at + 3])];
}
