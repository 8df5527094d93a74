/** What is selected on the map, in numbers: is it the network, the client or the server? */
import { useEffect, useMemo } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { nameOf, endsOf, selection } from "../map/terms";
import type { Graph } from "../map/model";
import { load } from "../state/loaded";
import { isEnd, pathFrom, pathKey } from "../state/path-ends";
import { now, paused, tick } from "../state/status";
import { seconds } from "../state/time";
import { go, isLive, set, view } from "../state/view";
import { CopyMenu } from "./copy-menu";
import { EdgeFigures } from "./edge-figures";
import { Forecast, ForecastSwitch } from "./forecast";
import { METRICS, SIDES } from "./figures";
import { Neighbours } from "./neighbours";

interface Props {
  graph: Graph;
  selected: string;
  open: (key: string) => void;
}

export function EdgeDrawer({ graph, selected, open }: Props) {
  const ends = endsOf(selected);
  const filter = selection(selected);
  const shape = graph.shapes.find((one) => one.key === selected);
  const label = (key: string): string => graph.shapes.find((one) => one.key === key)?.label ?? nameOf(key);
  return (
    <aside class="drawer" aria-label="Details" key={selected}>
      <button class="plain close" aria-label="Close" title="Close ( Esc )" onClick={() => set({ sel: "" })}>
        ×
      </button>
      <h2>
        {ends ? (
          <>
            <button class="plain" onClick={() => set({ sel: ends[0] })}>
              {label(ends[0])}
            </button>{" "}
            →{" "}
            <button class="plain" onClick={() => set({ sel: ends[1] })}>
              {label(ends[1])}
            </button>
          </>
        ) : (
          label(selected)
        )}
      </h2>
      {shape?.kind === "group" ? (
        <p class="row">
          <button onClick={() => open(shape.key)}>open its {shape.members} members</button>
        </p>
      ) : null}
      {ends ? null : <Neighbours graph={graph} selected={selected} />}
      <PathButton selected={selected} />
      {filter ? <Details filter={filter} isEdge={ends !== null} name={selected.startsWith("w:") ? selected.slice(2) : ""} /> : <Rest />}
    </aside>
  );
}

/** Of an edge its path; of a shape the path from it, or to it where it was begun elsewhere. */
function PathButton({ selected }: { selected: string }) {
  const ends = endsOf(selected) ?? [selected];
  if (!ends.every(isEnd)) return null;
  const from = pathFrom.value;
  const label = ends.length > 1 ? "its path" : from === selected ? "no path from here" : from ? `path from ${nameOf(from)} to here` : "path from here";
  return (
    <p class="row">
      <button title="Does it get there? ( p )" onClick={() => pathKey(selected)}>
        {label}
      </button>
    </p>
  );
}

function Rest() {
  return <p class="quiet">This stands for all that is too small to be drawn by itself. A filter, or a group that is opened, shows more of it.</p>;
}

function Details({ filter, isEdge, name }: { filter: string; isEdge: boolean; name: string }) {
  const whole = (): string => (view.value.q ? `(${view.value.q}) ${filter}` : filter);
  const { sums, series, sides, before } = useMemo(() => {
    const ask = (path: string, more: Record<string, string | number>, earlier = false) =>
      load<Answer>(() => {
        void (isLive.value && !paused.value && tick.value);
        const span = earlier ? spanBefore() : { from: view.value.from, to: view.value.to };
        const parameters = { ...span, q: whole(), ...more };
        return (stop) => get<Answer>(path, parameters, stop);
      });
    return {
      sums: ask("edges", { by: isEdge ? "service_port,protocol,service,domain" : "protocol", metrics: METRICS, limit: 12 }),
      series: ask("series", { by: "protocol", metrics: "bytes,connections_opened,connections_failed,connections_reset,retransmits,rtt_us_p50,rtt_us_p95", limit: 1 }),
      sides: ask("edges", { by: "role,node", view: "both", metrics: SIDES, limit: 12 }),
      before: ask("edges", { by: "protocol", metrics: "rtt_us_p95" }, true),
    };
  }, [filter]);
  useEffect(() => () => [sums, series, sides, before].forEach((one) => one.stop()), [filter]);
  const { value, error } = sums.state.value;
  if (!value) return <p class="quiet">{error?.problem.detail ?? "Asking …"}</p>;
  const q = [view.value.q, filter].filter(Boolean).join(" ");
  const by = isEdge ? "service_port,protocol,service,domain" : "protocol";
  return (
    <>
      <EdgeFigures sums={value} series={series.state.value.value} sides={sides.state.value.value} before={before.state.value.value} isEdge={isEdge} />
      <ForecastSwitch />
      <Forecast by={["protocol"]} metric="bytes" filter={filter} height={140} />
      <p class="row">
        <button onClick={() => go({ page: "flows", q, rest: {} })}>its flows</button>
        <button onClick={() => go({ page: "explore", q, rest: {} })}>explore</button>
        <button onClick={() => go({ q, rest: {} })}>only this on the map</button>
        {name ? <button onClick={() => go({ page: "workload", rest: { name } })}>its page</button> : null}
        <CopyMenu path="edges" parameters={{ from: view.value.from, to: view.value.to, q: whole(), by, metrics: METRICS }} sql={value.meta.sql} />
      </p>
    </>
  );
}

/** The span before, of the same length. */
function spanBefore(): { from: string; to: string } {
  const at = now();
  const to = seconds(view.value.to, at) ?? at;
  const from = seconds(view.value.from, at) ?? to - 900;
  return { from: String(Math.round(2 * from - to)), to: String(Math.round(from)) };
}
