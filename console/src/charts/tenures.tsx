/** Who held an address: a bar for each owner and time, and dashes where nobody is known to have. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { instant, mark, shown } from "../state/time";

export interface Tenure {
  owner: string;
  /** Seconds; an end of null: none is known. */
  from: number;
  to: number | null;
}

interface Props {
  tenures: readonly Tenure[];
  from: number;
  to: number;
  /** The flow that is explained, in seconds. */
  moment: number | null;
  pick: (owner: string) => void;
}

const LANE = 30;
const AXIS = 20;
const COLOURS = ["held", "c1", "c2", "c3"];

export function Tenures({ tenures, from, to, moment, pick }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const wide = useSignal(900);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => (wide.value = Math.max(320, Math.floor(entry?.contentRect.width ?? 900))));
    if (frame.current) watcher.observe(frame.current);
    return () => watcher.disconnect();
  }, []);
  const x = (at: number): number => ((Math.min(Math.max(at, from), to) - from) / (to - from)) * (wide.value - 2) + 1;
  const owners = [...new Set(tenures.map((one) => one.owner))];
  const lanes = lanesOf(tenures, to);
  const high = Math.max(1, ...lanes.map((lane) => lane + 1)) * LANE;
  const marks = [0, 1, 2, 3, 4].map((part) => from + ((to - from) * part) / 4);
  return (
    <div ref={frame}>
      <svg class="strip" width={wide.value} height={high + AXIS} role="group" aria-label="Owners over time">
        {gapsOf(tenures, from, to).map(([start, end]) => (
          <rect class="none" x={x(start)} y={3} width={Math.max(1, x(end) - x(start))} height={LANE - 6}>
            <title>Nobody is known to have held it from {shown(instant(start))} to {shown(instant(end))}</title>
          </rect>
        ))}
        {tenures.map((one, at) => {
          const [left, right] = [x(one.from), x(one.to ?? to)];
          const top = (lanes[at] ?? 0) * LANE;
          const said = `${one.owner} from ${shown(instant(one.from))} to ${one.to === null ? "now" : shown(instant(one.to))}`;
          return (
            <g role="button" tabIndex={0} aria-label={said} onClick={() => pick(one.owner)} onKeyDown={(event: KeyboardEvent) => { if (event.key === "Enter") pick(one.owner); }}>
              <rect class={COLOURS[owners.indexOf(one.owner) % COLOURS.length]} x={left} y={top + 3} width={Math.max(2, right - left)} height={LANE - 6} rx={4} />
              {right - left > one.owner.length * 7 + 16 ? (
                <text x={left + 8} y={top + LANE / 2} dominant-baseline="central">
                  {one.owner}
                </text>
              ) : null}
              <title>{said}</title>
            </g>
          );
        })}
        {moment !== null && moment >= from && moment <= to ? (
          <line class="moment" x1={x(moment)} x2={x(moment)} y1={0} y2={high}>
            <title>The flow that is explained below</title>
          </line>
        ) : null}
        {marks.map((at, place) => (
          <text class="axis" x={x(at)} y={high + AXIS - 6} text-anchor={place === 0 ? "start" : place === 4 ? "end" : "middle"}>
            {mark(Math.round(at), to - from > 4 * 86_400 ? 86_400 : to - from < 600 ? 10 : 60)}
          </text>
        ))}
      </svg>
    </div>
  );
}

/** A lane for each tenure, so that those of one time do not lie on each other. */
export function lanesOf(tenures: readonly Tenure[], now: number): number[] {
  const ends: number[] = [];
  const order = tenures.map((_, at) => at).sort((a, b) => (tenures[a]?.from ?? 0) - (tenures[b]?.from ?? 0));
  const lanes = tenures.map(() => 0);
  for (const at of order) {
    const one = tenures[at];
    if (!one) continue;
    const free = ends.findIndex((end) => end <= one.from);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = one.to ?? now;
    lanes[at] = lane;
  }
  return lanes;
}

/** The times of the span in which nobody is known to have held it. */
export function gapsOf(tenures: readonly Tenure[], from: number, to: number): [number, number][] {
  const gaps: [number, number][] = [];
  let at = from;
  for (const one of tenures.toSorted((a, b) => a.from - b.from)) {
    if (one.from > at) gaps.push([at, Math.min(one.from, to)]);
    at = Math.max(at, one.to ?? to);
  }
  if (at < to) gaps.push([at, to]);
  return gaps.filter(([start, end]) => end - start > 1);
}
