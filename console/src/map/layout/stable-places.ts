/**
 * Places that stay. A shape that was there before keeps its place; a new one takes the free place nearest to where the layout wants it;
 * the members of a group that opens stand together, in the free room nearest to where the group stood, which is kept for it.
 */
import { compare, type Pitch, type Places, type Point } from "./plane";
import type { Wanted } from "./layout";

export interface Standing {
  key: string;
  /** The open group that it stands in; empty: none. */
  group: string;
}

const REACH = { columns: 8, steps: 300 };
const STEP = 16;
/** Room above the members of a group for its name. */
const HEADER = 30;

export class StablePlaces {
  private readonly kept = new Map<string, Point>();
  private before = new Set<string>();
  private taken: { key: string; place: Point }[] = [];

  constructor(private readonly pitch: Pitch) {}

  settle(shapes: Standing[], wanted: Wanted): Places {
    const [groups, singles] = [membersOf(shapes), shapes.filter((one) => !one.group).map((one) => one.key)];
    const outer = [...singles, ...groups.keys()].sort(compare);
    if (outer.filter((key) => this.kept.has(key)).length < outer.length / 3) this.forget();
    const shift = this.shift(outer, wanted);
    const fresh = this.kept.size === 0;
    this.taken = [];
    this.keep([...outer, ...shapes.filter((one) => one.group).map((one) => one.key).sort(compare)]);
    const standing = new Set(this.taken.map((one) => one.key));
    for (const key of outer.filter((one) => !standing.has(one))) {
      const [x, y] = wanted.get(key) ?? [0, 0];
      this.take(key, fresh ? [x, y] : this.nearest(x + shift[0], y + shift[1]));
    }
    for (const [group, members] of groups) this.open(group, members);
    this.before = new Set([...outer, ...shapes.map((one) => one.key)]);
    return { x: Float64Array.from(shapes, ({ key }) => this.kept.get(key)?.[0] ?? 0), y: Float64Array.from(shapes, ({ key }) => this.kept.get(key)?.[1] ?? 0) };
  }

  /** Where a group stood before it was opened. */
  placeOf(key: string): Point | undefined {
    return this.kept.get(key);
  }

  forget(): void {
    this.kept.clear();
    this.before = new Set();
  }

  /** Those that were seen last come first; one that comes back where another stands now is new. */
  private keep(keys: string[]): void {
    for (const seen of [true, false]) {
      for (const key of keys) {
        const place = this.kept.get(key);
        if (!place || this.before.has(key) !== seen) continue;
        if (seen || this.isFree(...place)) this.take(key, place);
        else this.kept.delete(key);
      }
    }
  }

  private take(key: string, place: Point): void {
    this.kept.set(key, place);
    this.taken.push({ key, place });
  }

  private isFree(x: number, y: number): boolean {
    return this.taken.every(({ place }) => Math.abs(place[0] - x) >= this.pitch.x - 8 || Math.abs(place[1] - y) >= this.pitch.y - 6);
  }

  /** How far what is kept stands from where the layout would have it, in the middle of all. */
  private shift(keys: string[], wanted: Wanted): Point {
    const pairs = keys.flatMap((key) => {
      const [from, to] = [wanted.get(key), this.kept.get(key)];
      return from && to ? [[to[0] - from[0], to[1] - from[1]] as const] : [];
    });
    const middle = (axis: 0 | 1): number => pairs.map((pair) => pair[axis]).sort((a, b) => a - b)[pairs.length >> 1] ?? 0;
    return [middle(0), middle(1)];
  }

  private nearest(x: number, y: number, free = (px: number, py: number): boolean => this.isFree(px, py)): Point {
    let best: Point = [x, y];
    let least = Infinity;
    for (let column = 0; column <= REACH.columns; column += 1) {
      for (const dx of column ? [column * this.pitch.x, -column * this.pitch.x] : [0]) {
        for (let step = 0; step <= REACH.steps && Math.hypot(dx, step * STEP) < least; step += 1) {
          const dy = [step * STEP, -step * STEP].find((one) => free(x + dx, y + one));
          if (dy === undefined) continue;
          least = Math.hypot(dx, dy);
          best = [x + dx, y + dy];
        }
      }
    }
    return best;
  }

  private open(group: string, members: string[]): void {
    const [x, y] = this.kept.get(group) ?? [0, 0];
    const known = new Set(this.taken.map((one) => one.key));
    const fresh = members.filter((key) => !known.has(key));
    if (fresh.length < members.length) {
      const [nx, ny] = this.kept.get(members.find((key) => known.has(key)) ?? "") ?? [x, y];
      for (const key of fresh) this.take(key, this.nearest(nx, ny));
      return;
    }
    const columns = Math.ceil(Math.sqrt(members.length / 4));
    const rows = Math.ceil(members.length / columns);
    const others = this.taken.filter((one) => one.key !== group);
    const room = (px: number, py: number): boolean =>
      others.every(({ place }) => {
        const right = place[0] - px;
        const down = place[1] - py;
        const beside = right <= -this.pitch.x + 8 || right >= columns * this.pitch.x - 8;
        return beside || down <= -this.pitch.y - HEADER || down >= rows * this.pitch.y;
      });
    const [left, top] = this.nearest(x, y, room);
    members.forEach((key, at) => this.take(key, [left + Math.floor(at / rows) * this.pitch.x, top + (at % rows) * this.pitch.y]));
  }
}

/** By group, both in the order of their names. */
function membersOf(shapes: Standing[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { key, group } of [...shapes].sort((a, b) => compare(a.group, b.group) || compare(a.key, b.key))) {
    if (group) found.set(group, [...(found.get(group) ?? []), key]);
  }
  return found;
}
