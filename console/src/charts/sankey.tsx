/** Two dimensions as bands from left to right; what is not among the largest is one band more, so that the sum is the whole. */
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

const WIDTH = 1_000;
const BAR = 12;
const GAP = 6;
const HEIGHT = 560;
const TEXT = 200;

interface Block {
  name: string;
  sum: number;
  top: number;
  used: number;
}

export function Sankey({ data, dimensions, metric, other, show, pick }: Props) {
  const bands = (data[metric] ?? []).map((value, at) => ({
    from: String(data[dimensions[0] ?? ""]?.[at] ?? ""),
    to: String(data[dimensions[1] ?? ""]?.[at] ?? ""),
    value: number(value),
  }));
  if (other > 0) bands.push({ from: "all others", to: "all others", value: other });
  const total = bands.reduce((sum, band) => sum + band.value, 0) || 1;
  const left = blocks(bands.map((band) => [band.from, band.value]), total);
  const right = blocks(bands.map((band) => [band.to, band.value]), total);
  const scale = (count: number): number => (HEIGHT - GAP * count) / total;
  const size = Math.min(scale(left.size), scale(right.size));
  return (
    <svg class="sankey" viewBox={`0 0 ${WIDTH} ${HEIGHT + 10}`} role="group" aria-label={`${metric} from ${dimensions.join(" to ")}`}>
      {bands.map((band, at) => {
        const a = left.get(band.from);
        const b = right.get(band.to);
        if (!a || !b) return null;
        const thick = Math.max(0.75, band.value * size);
        const y1 = a.top * 1 + a.used + thick / 2;
        const y2 = b.top * 1 + b.used + thick / 2;
        a.used += thick;
        b.used += thick;
        const [x1, x2] = [TEXT + BAR, WIDTH - TEXT - BAR];
        return (
          <path
            d={`M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`}
            style={{ stroke: `var(--c${at % 8})`, strokeWidth: `${thick}px` }}
            onClick={() => pick([band.from, band.to])}
          >
            <title>
              {band.from || "no name"} → {band.to || "no name"}: {show(band.value)}
            </title>
          </path>
        );
      })}
      {[...left.values()].map((block) => label(block, TEXT, "end", size, show))}
      {[...right.values()].map((block) => label(block, WIDTH - TEXT - BAR, "start", size, show))}
    </svg>
  );
}

function blocks(parts: readonly (readonly [string, number])[], total: number): Map<string, Block> {
  const sums = new Map<string, number>();
  for (const [name, value] of parts) sums.set(name, (sums.get(name) ?? 0) + value);
  const names = [...sums.keys()].sort((a, b) => (a === "all others" ? 1 : b === "all others" ? -1 : (sums.get(b) ?? 0) - (sums.get(a) ?? 0)));
  const size = (HEIGHT - GAP * names.length) / total;
  let top = 0;
  return new Map(
    names.map((name) => {
      const block = { name, sum: sums.get(name) ?? 0, top, used: 0 };
      top += block.sum * size + GAP;
      return [name, block];
    }),
  );
}

function label(block: Block, x: number, anchor: "start" | "end", size: number, show: (value: number) => string) {
  const high = Math.max(1, block.sum * size);
  return (
    <g>
      <rect x={x} y={block.top} width={BAR} height={high} />
      <text x={anchor === "end" ? x - 6 : x + BAR + 6} y={block.top + high / 2} text-anchor={anchor} dominant-baseline="middle">
        {block.name || "no name"} <tspan>{show(block.sum)}</tspan>
      </text>
    </g>
  );
}
