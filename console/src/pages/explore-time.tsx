/** An answer of /series: lines, bands on top of each other, or a heat map. */
import { useSignal } from "@preact/signals";
import type { Answer } from "../api/types";
import { Heat } from "../charts/heat";
import { Legend, type Entry } from "../charts/legend";
import { LineChart } from "../charts/line";
import { Forecast, ForecastSwitch } from "../parts/forecast";
import { METRICS } from "../state/dimensions";
import { count, number } from "../state/format";
import { groups, known, rates, steps } from "../state/series";
import { length } from "../state/time";
import type { Asked } from "./explore";

const COLOURS = ["c0", "c1", "c2", "c3", "c4", "c5", "c6"];

interface Props {
  answer: Answer;
  asked: Asked;
  pick: (names: readonly string[]) => void;
  choose: (from: number, to: number) => void;
}

export function OverTime({ answer, asked: { shape, metric, dimensions }, pick, choose }: Props) {
  const at = useSignal<number | null>(null);
  const looked = useSignal<string | null>(null);
  const shows = METRICS[metric] ?? { label: metric, show: count };
  const grid = steps(answer);
  const incompleteFrom = grid.covered.at(-1) ? null : (grid.times[Math.max(0, grid.covered.findLastIndex((seen) => seen > 0))] ?? null);
  const found = groups(answer, dimensions, metric, grid, shows.sample ? null : 0).map((group) => ({
    ...group,
    sum: group.values.reduce<number>((sum, value) => sum + (value ?? 0), 0),
    values: shows.rated ? rates(group.values, grid) : known(group.values, grid),
  }));
  const show = (value: number): string => `${shows.show(value)}${shows.rated ? "/s" : ""}`;
  if (shape === "heat") {
    const rows = found.filter((group) => group.names !== null);
    return (
      <>
        <Heat times={grid.times} rows={rows} show={show} incompleteFrom={incompleteFrom} pick={pick} choose={choose} />
        <Whole answer={answer} metric={metric} drawn={rows.length} others="not drawn" />
      </>
    );
  }
  const lines: Entry[] = found.map((group, place) => ({
    label: group.label,
    values: group.values,
    colour: group.names === null ? "c7" : (COLOURS[place % COLOURS.length] ?? "c7"),
    dashed: shape === "lines" && (group.names === null || place % 2 === 1),
    total: shows.sample ? null : shows.show(group.sum),
    pick: group.names === null ? undefined : () => pick(group.names ?? []),
  }));
  return (
    <>
      <LineChart
        label={`${shows.label} over time`}
        height={380}
        times={grid.times}
        lines={lines}
        show={show}
        stacked={shape === "stacked"}
        incompleteFrom={incompleteFrom}
        at={at}
        looked={looked.value}
        choose={choose}
      />
      <p class="quiet">
        {shows.rated ? `Steps of ${length(grid.step)}, by the second.` : `By steps of ${length(grid.step)}.`} Drag over the chart to choose a span.
        {incompleteFrom === null ? "" : " Hatched: flows of that time are still coming in."}
      </p>
      {shows.sample ? null : (
        <>
          <ForecastSwitch />
          <Forecast by={dimensions} metric={metric} filter="" height={300} />
        </>
      )}
      <Legend entries={lines} times={grid.times} at={at} looked={looked} show={show} />
      <Whole answer={answer} metric={metric} drawn={found.filter((group) => group.names !== null).length} others="one line" />
    </>
  );
}

/** That the sum is the whole: how many groups there are, and what is in those that are not drawn each on its own. */
export function Whole({ answer, metric, drawn, others }: { answer: Answer; metric: string; drawn: number; others: string }) {
  const shows = METRICS[metric] ?? { label: metric, show: count };
  const all = answer.meta.groups ?? drawn;
  if (shows.sample || answer.meta.total[metric] === undefined) return null;
  const rest = all > drawn ? ` The ${count(all - drawn)} smaller ones are ${others}, with ${shows.show(number(answer.meta.other[metric]))}.` : "";
  return (
    <p class="quiet">
      {count(all)} {all === 1 ? "group" : "groups"}, {shows.show(number(answer.meta.total[metric]))} in all.{rest}
    </p>
  );
}
