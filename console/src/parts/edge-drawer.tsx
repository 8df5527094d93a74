/** What is selected on the map, in numbers: is it the network, the client or the server? */
import { useEffect, useMemo } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { LineChart } from "../charts/line";
import type { Graph } from "../map/model";
import { selection } from "../map/terms";
import { bytes, count, micros, number, percent, rate } from "../state/format";
import { load } from "../state/loaded";
import { steps, summed } from "../state/series";
import { paused, tick } from "../state/status";
import { go, isLive, set, view } from "../state/view";
import { Table } from "./table";

const METRICS =
  "bytes,bytes_sent,bytes_received,connections_opened,connections_failed,connections_refused,connections_timed_out,connections_reset," +
  "retransmits,packets,rtt_us,rtt_us_p50,rtt_us_p95,rtt_us_p99,connect_us_p50,connect_us_p95,connect_us_p99";

export function EdgeDrawer({ graph, selected }: { graph: Graph; selected: string }) {
  const keys = useMemo(() => new Set(graph.shapes.map((shape) => shape.key)), [graph]);
  const filter = selection(selected, keys);
  const shape = graph.shapes.find((one) => one.key === selected);
  return (
    <aside class="drawer" aria-label="Details" key={selected}>
      <button class="plain close" aria-label="Close" onClick={() => set({ sel: "" })}>
        ×
      </button>
      <h2>{shape ? shape.label : title(graph, selected)}</h2>
      {filter ? <Details filter={filter} isEdge={!shape} /> : <p class="quiet">This stands for all that is too small to be drawn: filter, or unfold.</p>}
      {shape ? <Neighbours graph={graph} selected={selected} /> : null}
    </aside>
  );
}

function title(graph: Graph, selected: string): string {
  for (let at = 0; at < graph.source.length; at += 1) {
    const from = graph.shapes[graph.source[at] ?? 0];
    const to = graph.shapes[graph.target[at] ?? 0];
    if (from && to && `${from.key}>${to.key}` === selected) return `${from.label} → ${to.label}`;
  }
  return selected;
}

function Details({ filter, isEdge }: { filter: string; isEdge: boolean }) {
  const question = (path: string, more: Record<string, string | number>) => () => {
    void (isLive.value && !paused.value && tick.value);
    const { from, to, q } = view.value;
    const both = q ? `(${q}) ${filter}` : filter;
    return (signal: AbortSignal) => get<Answer>(path, { from, to, q: both, ...more }, signal);
  };
  const ports = useMemo(() => load<Answer>(question("edges", { by: isEdge ? "service_port,protocol,service" : "protocol", metrics: METRICS, limit: 12 })), [filter]);
  const series = useMemo(() => load<Answer>(question("series", { by: "protocol", metrics: "bytes,connections_opened,connections_failed,rtt_us_p95", limit: 1 })), [filter]);
  const sides = useMemo(() => load<Answer>(question("edges", { by: "role", view: "both", metrics: "bytes_sent,bytes_received,connections_opened,connections_failed,retransmits" })), [filter]);
  useEffect(() => () => [ports, series, sides].forEach((one) => one.stop()), [filter]);
  const sums = ports.state.value.value;
  const over = series.state.value.value;
  const views = sides.state.value.value;
  if (!sums) return <p class="quiet">{ports.state.value.error?.problem.detail ?? "Asking …"}</p>;
  const total = (name: string): number => number(sums.meta.total[name]);
  const maybe = (name: string): number | null => (sums.meta.total[name] === null ? null : total(name));
  const span = (Date.parse(sums.meta.to) - Date.parse(sums.meta.from)) / 1_000;
  const attempts = total("connections_opened") + total("connections_failed");
  const failed = total("connections_failed");
  const at = over ? steps(over) : null;
  return (
    <>
      {failed ? (
        <p class="verdict">
          <b>{percent(failed / Math.max(1, attempts))} of connections fail:</b> {causes(total)}
        </p>
      ) : (
        <p class="verdict fine">No connection failed.</p>
      )}
      <dl>
        <dt>bytes</dt>
        <dd>
          {bytes(total("bytes"))} <small>{rate(total("bytes"), span)}</small>
        </dd>
        <dt>sent / received</dt>
        <dd>
          {bytes(total("bytes_sent"))} / {bytes(total("bytes_received"))}
        </dd>
        <dt>connections</dt>
        <dd>
          {count(total("connections_opened"))} opened, {count(failed)} failed, {count(total("connections_reset"))} reset
        </dd>
        <dt>resent</dt>
        <dd>
          {count(total("retransmits"))} <small>{percent(total("packets") ? total("retransmits") / total("packets") : 0)} of packets</small>
        </dd>
        <dt>round trip</dt>
        <dd>{maybe("rtt_us_p50") === null ? <small>no sample</small> : `p50 ${micros(maybe("rtt_us_p50"))}, p95 ${micros(maybe("rtt_us_p95"))}, p99 ${micros(maybe("rtt_us_p99"))}`}</dd>
        <dt>connect</dt>
        <dd>{maybe("connect_us_p50") === null ? <small>no sample</small> : `p50 ${micros(maybe("connect_us_p50"))}, p95 ${micros(maybe("connect_us_p95"))}, p99 ${micros(maybe("connect_us_p99"))}`}</dd>
      </dl>
      {over && at ? (
        <>
          <h3>Bytes a second</h3>
          <LineChart label="Bytes over time" height={110} times={at.times} show={bytes} lines={[{ label: "bytes", colour: "accent", filled: true, values: summed(over, "bytes", at).map((value) => (value ?? 0) / at.step) }]} />
          <h3>Connections that failed</h3>
          <LineChart label="Failed connections over time" height={90} times={at.times} show={count} lines={[{ label: "failed", colour: "bad", filled: true, values: summed(over, "connections_failed", at) }]} />
        </>
      ) : null}
      {isEdge ? (
        <>
          <h3>By port</h3>
          <Table
            label="By port"
            data={sums.data}
            columns={[
              { name: "service_port", label: "port", numeric: true },
              { name: "protocol", label: "protocol" },
              { name: "service", label: "service" },
              { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
              { name: "connections_failed", label: "failed", numeric: true, show: (value) => (number(value) ? <b class="bad">{count(number(value))}</b> : "0") },
            ]}
          />
        </>
      ) : null}
      {views && (views.data["role"]?.length ?? 0) > 1 ? (
        <>
          <h3>As each end counted it</h3>
          <Table
            label="Both ends' views"
            data={views.data}
            columns={[
              { name: "role", label: "told by the" },
              { name: "bytes_sent", label: "client sent", numeric: true, show: (value) => bytes(number(value)) },
              { name: "bytes_received", label: "server sent", numeric: true, show: (value) => bytes(number(value)) },
              { name: "connections_failed", label: "failed", numeric: true },
              { name: "retransmits", label: "resent", numeric: true },
            ]}
          />
        </>
      ) : null}
      <p class="row">
        <button onClick={() => go({ q: [view.value.q, filter].filter(Boolean).join(" "), rest: {} })}>only this</button>
        <button onClick={() => go({ page: "flows", q: [view.value.q, filter].filter(Boolean).join(" "), rest: {} })}>its flows</button>
        <button onClick={() => go({ page: "explore", q: [view.value.q, filter].filter(Boolean).join(" "), rest: {} })}>explore</button>
      </p>
    </>
  );
}

function causes(total: (name: string) => number): string {
  const refused = total("connections_refused");
  const silent = total("connections_timed_out");
  const other = total("connections_failed") - refused - silent;
  return [
    refused ? `${count(refused)} refused (nobody listens, or a firewall answers for it)` : "",
    silent ? `${count(silent)} without an answer (dropped on the way, or the host is gone)` : "",
    other > 0 ? `${count(other)} for another cause` : "",
  ]
    .filter(Boolean)
    .join("; ");
}

function Neighbours({ graph, selected }: { graph: Graph; selected: string }) {
  const rows: { key: string; label: string; bytes: number; failed: number }[] = [];
  for (let at = 0; at < graph.source.length; at += 1) {
    const from = graph.shapes[graph.source[at] ?? 0];
    const to = graph.shapes[graph.target[at] ?? 0];
    if (!from || !to || (from.key !== selected && to.key !== selected)) continue;
    const label = from.key === selected ? `→ ${to.label}` : `← ${from.label}`;
    rows.push({ key: `${from.key}>${to.key}`, label, bytes: graph.bytes[at] ?? 0, failed: graph.failed[at] ?? 0 });
  }
  rows.sort((a, b) => b.failed - a.failed || b.bytes - a.bytes);
  return (
    <>
      <h3>Clients and servers</h3>
      <ul class="neighbours">
        {rows.map((row) => (
          <li>
            <button class="plain" onClick={() => set({ sel: row.key })}>
              <span>{row.label}</span>
              {row.failed ? <b class="bad">{count(row.failed)} failed</b> : null}
              <small>{bytes(row.bytes)}</small>
            </button>
          </li>
        ))}
      </ul>
      <p class="row">
        {selected.startsWith("w:") ? <button onClick={() => go({ page: "workload", rest: { name: selected.slice(2) } })}>its page</button> : null}
      </p>
    </>
  );
}
