/** One workload: its clients, its servers, where it runs, and which addresses it held. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { LineChart } from "../charts/line";
import { quoted } from "../map/terms";
import { StateBox } from "../parts/state-box";
import { Table, type Column } from "../parts/table";
import { bytes, count, micros, number } from "../state/format";
import { load } from "../state/loaded";
import { steps, summed } from "../state/series";
import { paused, tick } from "../state/status";
import { shown } from "../state/time";
import { go, isLive, set, view } from "../state/view";

const METRICS = "bytes,bytes_sent,bytes_received,connections_opened,connections_failed,rtt_us_p95";

export function WorkloadPage() {
  const since = useRef(0);
  const name = view.value.rest["name"] ?? "";
  const ask = (path: string, filter: string, more: Record<string, string | number>) => () => {
    void (isLive.value && !paused.value && tick.value);
    const { from, to, q } = view.value;
    since.current = Date.now();
    return name ? (signal: AbortSignal) => get<Answer>(path, { from, to, q: q ? `(${q}) ${filter}` : filter, ...more }, signal) : null;
  };
  const own = quoted(name);
  const clients = useMemo(() => load<Answer>(ask("edges", `server=${own}`, { by: "client,service_port", metrics: METRICS, limit: 50 })), [name]);
  const servers = useMemo(() => load<Answer>(ask("edges", `client=${own}`, { by: "server,domain,service_port", metrics: METRICS, limit: 50 })), [name]);
  const series = useMemo(() => load<Answer>(ask("series", `workload=${own}`, { by: "protocol", metrics: "bytes,connections_failed", limit: 1 })), [name]);
  const zones = useMemo(() => load<Answer>(ask("edges", `client=${own}`, { by: "client_zone,client_region", metrics: "bytes", limit: 20 })), [name]);
  const held = useMemo(
    () =>
      load<Answer>(() => {
        const { from, to } = view.value;
        return name ? (signal) => get("ownership", { from, to, workload: name }, signal) : null;
      }),
    [name],
  );
  useEffect(() => () => [clients, servers, series, zones, held].forEach((one) => one.stop()), [name]);
  const over = series.state.value.value;
  const at = over ? steps(over) : null;
  const peers = (side: "client" | "server"): Column[] => [
    {
      name: side,
      label: side,
      show: (value, row) => {
        const domain = side === "server" ? String(servers.state.value.value?.data["domain"]?.[row] ?? "") : "";
        const text = String(value ?? "");
        return text ? <a href={`workload?name=${encodeURIComponent(text)}`} onClick={(event) => { event.preventDefault(); set({ name: text }); }}>{text}</a> : domain || <i>no name</i>;
      },
    },
    { name: "service_port", label: "port", numeric: true },
    { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
    { name: "connections_opened", label: "opened", numeric: true, show: (value) => count(number(value)) },
    { name: "connections_failed", label: "failed", numeric: true, show: (value) => (number(value) ? <b class="bad">{count(number(value))}</b> : "0") },
    { name: "rtt_us_p95", label: "rtt p95", numeric: true, show: (value) => micros(value === null ? null : number(value)) },
  ];
  return (
    <section class="page" aria-label="Workload">
      <div class="head">
        <h1>{name || "Which workload?"}</h1>
        {name ? <button onClick={() => go({ page: "map", q: `workload=${own}`, rest: {} })}>on the map</button> : null}
      </div>
      {name ? <StateBox loaded={clients.state.value} since={since.current} empty={null} /> : <p class="quiet">Click one on the map, or press Ctrl-K.</p>}
      {over && at ? (
        <LineChart label="Bytes over time" height={130} times={at.times} show={(value) => `${bytes(value)}/s`} lines={[{ label: "bytes", colour: "accent", filled: true, values: summed(over, "bytes", at).map((value) => (value ?? 0) / at.step) }]} />
      ) : null}
      <div class="two">
        {clients.state.value.value ? (
          <div>
            <h2>Its clients</h2>
            <Table label="Clients" data={clients.state.value.value.data} columns={peers("client")} />
          </div>
        ) : null}
        {servers.state.value.value ? (
          <div>
            <h2>Its servers</h2>
            <Table label="Servers" data={servers.state.value.value.data} columns={peers("server")} />
          </div>
        ) : null}
      </div>
      <div class="two">
        {held.state.value.value ? (
          <div>
            <h2>Addresses it held</h2>
            <Table
              label="Addresses"
              data={held.state.value.value.data}
              columns={[
                { name: "ip", label: "address", show: (value) => String(value).replace(/^::ffff:/, "") },
                { name: "start", label: "from", show: (value) => shown(String(value)) },
                { name: "end", label: "until", show: (value) => (value === null ? "now" : shown(String(value))) },
                { name: "source", label: "told by" },
              ]}
            />
          </div>
        ) : null}
        {zones.state.value.value ? (
          <div>
            <h2>Where it calls from</h2>
            <Table
              label="Zones"
              data={zones.state.value.value.data}
              columns={[
                { name: "client_zone", label: "zone", show: (value) => String(value) || <i>not known</i> },
                { name: "client_region", label: "region", show: (value) => String(value) || <i>not known</i> },
                { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
              ]}
            />
          </div>
        ) : null}
      </div>
    </section>
  );
}
