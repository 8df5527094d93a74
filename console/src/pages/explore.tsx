/** Any dimension over any time: as lines, stacked, as a heat map, a sankey, a matrix or a table. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { Heat } from "../charts/heat";
import { LineChart, type Line } from "../charts/line";
import { Matrix } from "../charts/matrix";
import { Sankey } from "../charts/sankey";
import { CopyMenu } from "../parts/copy-menu";
import { Empty } from "../parts/empty";
import { StateBox } from "../parts/state-box";
import { Table, type Column } from "../parts/table";
import { bytes, count, micros, number } from "../state/format";
import { load } from "../state/loaded";
import { steps, type Steps } from "../state/series";
import { paused, tick } from "../state/status";
import { go, isLive, set, view } from "../state/view";

const SHAPES = ["lines", "stacked", "heat", "sankey", "matrix", "table"] as const;
type ShapeName = (typeof SHAPES)[number];
const OVER_TIME: readonly ShapeName[] = ["lines", "stacked", "heat"];

const DIMENSIONS = [
  "client", "server", "service_port", "protocol", "client_namespace", "server_namespace", "client_zone", "server_zone", "client_region", "server_region",
  "service", "domain", "reason", "network", "node", "role", "source", "client_ip", "server_ip",
];
const METRICS: Record<string, (value: number) => string> = {
  bytes, bytes_sent: bytes, bytes_received: bytes, packets: count, flows: count, connections_opened: count, connections_failed: count,
  connections_refused: count, connections_timed_out: count, connections_reset: count, retransmits: count, rtt_us: micros, rtt_us_p95: micros,
};
const COLOURS = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];
const TOP = 7;

export function ExplorePage() {
  const since = useRef(0);
  const rest = view.value.rest;
  const shape = SHAPES.find((one) => one === rest["shape"]) ?? "stacked";
  const metric = METRICS[rest["metric"] ?? ""] ? (rest["metric"] ?? "bytes") : "bytes";
  const show = METRICS[metric] ?? count;
  const by = (rest["by"] ?? "server").split(",").filter((name) => DIMENSIONS.includes(name));
  const overTime = OVER_TIME.includes(shape);
  const pair = shape === "sankey" || shape === "matrix";
  const dimensions = pair && by.length < 2 ? ["client", "server"] : by.length ? by : ["server"];
  const asked = { by: dimensions.join(","), metrics: metric === "bytes" ? "bytes" : `${metric},bytes`, order: metric.startsWith("rtt_us_p") ? "bytes" : metric, limit: overTime ? TOP : pair ? 60 : 500 };
  const key = JSON.stringify([overTime, asked]);
  const loaded = useMemo(
    () =>
      load<Answer>(() => {
        void (isLive.value && !paused.value && tick.value);
        const { from, to, q } = view.value;
        since.current = Date.now();
        return (signal) => get(overTime ? "series" : "edges", { from, to, q, ...asked }, signal);
      }),
    [key],
  );
  useEffect(() => loaded.stop, [key]);
  const answer = loaded.state.value.value;
  const empty = answer !== null && (answer.data[dimensions[0] ?? ""]?.length ?? 0) === 0;
  return (
    <section class="page" aria-label="Explore">
      <div class="head">
        <h1>Explore</h1>
        <select aria-label="Metric" value={metric} onChange={(event) => set({ metric: event.currentTarget.value })}>
          {Object.keys(METRICS).map((name) => (
            <option value={name}>{name.replaceAll("_", " ")}</option>
          ))}
        </select>
        <span class="quiet">by</span>
        {[0, 1].map((place) => (
          <select
            aria-label={place ? "Second dimension" : "Dimension"}
            value={dimensions[place] ?? ""}
            onChange={(event) => {
              const next = [...dimensions];
              next[place] = event.currentTarget.value;
              set({ by: [...new Set(next.filter(Boolean))].join(",") });
            }}
          >
            {place ? <option value="">and nothing else</option> : null}
            {DIMENSIONS.map((name) => (
              <option value={name}>{name.replaceAll("_", " ")}</option>
            ))}
          </select>
        ))}
        <div class="tabs" role="group" aria-label="Shape">
          {SHAPES.map((name) => (
            <button aria-pressed={name === shape} onClick={() => set({ shape: name })}>
              {name}
            </button>
          ))}
        </div>
        {answer ? <CopyMenu path={overTime ? "series" : "edges"} parameters={{ from: view.value.from, to: view.value.to, q: view.value.q, ...asked }} sql={answer.meta.sql} /> : null}
      </div>
      <StateBox loaded={loaded.state.value} since={since.current} empty={empty ? <Empty /> : null} />
      {answer && !empty ? <Picture answer={answer} shape={shape} dimensions={dimensions} metric={metric} show={show} /> : null}
    </section>
  );
}

interface PictureProps {
  answer: Answer;
  shape: ShapeName;
  dimensions: string[];
  metric: string;
  show: (value: number) => string;
}

function Picture({ answer, shape, dimensions, metric, show }: PictureProps) {
  const pick = (names: readonly string[]): void => {
    const terms = names.map((name, at) => `${dimensions[at]}=${/[\s()=!<>,"*\\]|^$/.test(name) ? JSON.stringify(name) : name}`);
    go({ q: [view.value.q, ...terms].filter(Boolean).join(" ") });
  };
  if (OVER_TIME.includes(shape)) {
    const at = steps(answer);
    const groups = groupsOf(answer, dimensions, metric, at);
    if (shape === "heat") return <Heat times={at.times} rows={groups} show={show} />;
    const rated = metric.includes("bytes");
    const scaled = groups.map((group) => ({ ...group, values: group.values.map((value) => (value === null ? null : rated ? value / at.step : value)) }));
    const lines = shape === "stacked" ? stacked(scaled) : scaled.map((group, place) => ({ label: group.label, values: group.values, colour: COLOURS[place] ?? "dim" }));
    return <LineChart label={`${metric} over time`} height={420} times={at.times} lines={lines} show={(value) => `${show(value)}${rated ? "/s" : ""}`} />;
  }
  if (shape === "sankey") return <Sankey data={answer.data} dimensions={dimensions} metric={metric} other={number(answer.meta.other[metric])} show={show} pick={pick} />;
  if (shape === "matrix") return <Matrix data={answer.data} dimensions={dimensions} metric={metric} show={show} pick={pick} />;
  const columns: Column[] = [
    ...dimensions.map((name) => ({ name, label: name.replaceAll("_", " "), show: (value: unknown) => String(value ?? "") || <i>no name</i> })),
    { name: metric, label: metric.replaceAll("_", " "), numeric: true, show: (value) => (value === null ? "" : show(number(value))) },
  ];
  return (
    <>
      <Table data={answer.data} columns={columns} label={`${metric} by ${dimensions.join(", ")}`} pick={(row) => pick(dimensions.map((name) => String(answer.data[name]?.[row] ?? "")))} />
      <p class="quiet">
        {count(answer.meta.groups ?? 0)} groups, {show(number(answer.meta.total[metric]))} in all; {show(number(answer.meta.other[metric]))} in groups that are not listed.
      </p>
    </>
  );
}

export interface Group {
  label: string;
  values: (number | null)[];
}

function groupsOf(answer: Answer, dimensions: readonly string[], metric: string, { times, step }: Steps): Group[] {
  const groups = new Map<string, Group>();
  const place = new Map(times.map((time, at) => [time, at]));
  (answer.data["time"] ?? []).forEach((time, row) => {
    const label = answer.data["other"]?.[row] === true ? "all others" : dimensions.map((name) => String(answer.data[name]?.[row] ?? "") || "no name").join(" → ");
    const group = groups.get(label) ?? { label, values: new Array<number | null>(times.length).fill(metric.startsWith("rtt") ? null : 0) };
    groups.set(label, group);
    const at = place.get(Math.floor(Date.parse(String(time)) / 1_000 / step) * step);
    const value = answer.data[metric]?.[row] ?? null;
    if (at !== undefined && value !== null) group.values[at] = number(value);
  });
  return [...groups.values()];
}

/** Each line on top of the ones below it; the largest is the lowest. Drawn from the top, so that each covers what is above its own band. */
function stacked(groups: readonly Group[]): Line[] {
  const lines: Line[] = [];
  let below: number[] = [];
  groups.forEach((group, place) => {
    const values = group.values.map((value, at) => (value ?? 0) + (below[at] ?? 0));
    below = values;
    lines.unshift({ label: group.label, values, colour: COLOURS[place] ?? "dim", filled: true });
  });
  return lines;
}
