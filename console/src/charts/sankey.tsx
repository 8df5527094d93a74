/** Two dimensions as bands from left to right; what is not among the largest is one band more, so that the sum is the whole. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Columns } from "../api/types";
import { number } from "../state/format";

interface Props {
  data: Columns;
  dimensions: readonly string[];
  metric: string;
  other: number;
  show: (value: number) => string;
  pick: (names: readonly string[]) => void;
}

const BAR = 10;
const GAP = 5;
/** A block has at least room for its own label. */
const SLOT = 17;
const HEIGHT = 440;
const TEXT = 220;
const COLOURS = 8;
export const OTHERS = "all others";

interface Block {
  name: string;
  sum: number;
  top: number;
  high: number;
  used: number;
  colour: number;
}

export function Sankey({ data, dimensions, metric, other, show, pick }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const wide = useSignal(1_000);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => (wide.value = Math.max(560, Math.floor(entry?.contentRect.width ?? 1_000))));
    if (frame.current) watcher.observe(frame.current);
    return () => watcher.disconnect();
  }, []);
  const bands = bandsOf(data, dimensions, metric, other);
  const total = bands.reduce((sum, band) => sum + band.value, 0) || 1;
  const left = blocks(bands.map((band) => [band.from, band.value]), total);
  const right = blocks(bands.map((band) => [band.to, band.value]), total);
  const high = Math.max(...[...left.values(), ...right.values()].map((block) => block.top + Math.max(block.high, SLOT)));
  const [x1, x2] = [TEXT + BAR, wide.value - TEXT - BAR];
  return (
    <div ref={frame} class="sankey-frame">
      <svg class="sankey" width={wide.value} height={high + 8} role="group" aria-label={`${metric} from ${dimensions.join(" to ")}`}>
        {bands.map((band) => {
          const a = left.get(band.from);
          const b = right.get(band.to);
          if (!a || !b) return null;
          const share = (band.value / total) * HEIGHT;
          const [y1, y2] = [a.top + a.used + share / 2, b.top + b.used + share / 2];
          a.used += share;
          b.used += share;
          const said = `${band.from || "no name"} → ${band.to || "no name"}: ${show(band.value)}`;
          const chosen = band.from === OTHERS ? {} : { role: "button" as const, tabIndex: 0, "aria-label": said, onClick: () => pick([band.from, band.to]) };
          return (
            <path
              {...chosen}
              d={`M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`}
              style={{ stroke: `var(--c${a.colour % COLOURS})`, strokeWidth: `${Math.max(1, share)}px` }}
              onKeyDown={(event: KeyboardEvent) => {
                if (event.key === "Enter" && band.from !== OTHERS) pick([band.from, band.to]);
              }}
            >
              <title>{said}</title>
            </path>
          );
        })}
        {[...left.values()].map((block) => label(block, TEXT, "end", show))}
        {[...right.values()].map((block) => label(block, x2, "start", show))}
      </svg>
    </div>
  );
}

function bandsOf(data: Columns, dimensions: readonly string[], metric: string, other: number): { from: string; to: string; value: number }[] {
  const names = (place: number): string[] => (data[dimensions[place] ?? ""] ?? []).map((name) => String(name ?? ""));
  const [from, to] = [names(0), names(1)];
  const bands = (data[metric] ?? []).map((value, at) => ({ from: from[at] ?? "", to: to[at] ?? "", value: number(value) }));
  if (other > 0) bands.push({ from: OTHERS, to: OTHERS, value: other });
  return bands.filter((band) => band.value > 0);
}

function blocks(parts: readonly (readonly [string, number])[], total: number): Map<string, Block> {
  const sums = new Map<string, number>();
  for (const [name, value] of parts) sums.set(name, (sums.get(name) ?? 0) + value);
  const names = [...sums.keys()].sort((a, b) => Number(a === OTHERS) - Number(b === OTHERS) || (sums.get(b) ?? 0) - (sums.get(a) ?? 0));
  let top = 0;
  return new Map(
    names.map((name, colour) => {
      const sum = sums.get(name) ?? 0;
      const block = { name, sum, top, high: (sum / total) * HEIGHT, used: 0, colour };
      top += Math.max(block.high, SLOT) + GAP;
      return [name, block];
    }),
  );
}

const LONGEST = 22;

function label(block: Block, x: number, anchor: "start" | "end", show: (value: number) => string) {
  const name = block.name || "no name";
  return (
    <g>
      <rect x={x} y={block.top} width={BAR} height={Math.max(1, block.high)} />
      <text x={anchor === "end" ? x - 7 : x + BAR + 7} y={block.top + Math.max(block.high, SLOT - 3) / 2} text-anchor={anchor} dominant-baseline="middle">
        {name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name} <tspan>{show(block.sum)}</tspan>
        <title>{name}</title>
      </text>
    </g>
  );
}
