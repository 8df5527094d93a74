/** One workload: its clients, its servers, where it runs, and which addresses it held. */
import { get } from "../api/client";
import { useSignal } from "@preact/signals";
import type { Answer } from "../api/types";
import { LineChart } from "../charts/line";
import { quoted } from "../map/terms";
import { Forecast, ForecastSwitch } from "../parts/forecast";
import { CopyMenu } from "../parts/copy-menu";
import { Empty } from "../parts/empty";
import { StateBox } from "../parts/state-box";
import { Table, type Column } from "../parts/table";
import { bytes, count, many, micros, number, percent, plainAddress, rate } from "../state/format";
import { useLoaded } from "../state/loaded";
import { known, rates, steps, summed } from "../state/series";
import { now, paused, tick } from "../state/status";
import { chosen, shown } from "../state/time";
import { go, isLive, set, view } from "../state/view";
import { Share } from "./explore-sums";

const METRICS = "bytes,bytes_sent,bytes_received,connections_opened,connections_failed,connections_refused,connections_timed_out,rtt_us_p95";

function question(name: string, path: string, filter: string, more: Record<string, string | number>) {
  return () => {
    void (isLive.value && !paused.value && tick.value);
    const { from, to, q } = view.value;
    const both = q ? `(${q}) ${filter}` : filter;
    return name ? (signal: AbortSignal) => get<Answer>(path, { from, to, q: both, ...more }, signal) : null;
  };
}

export function WorkloadPage() {
  const name = view.value.rest["name"] ?? "";
  const own = quoted(name);
  const ask = (path: string, filter: string, more: Record<string, string | number>) => useLoaded<Answer>(question(name, path, filter, more), name);
  const clients = ask("edges", `server=${own}`, { by: "client,service_port", metrics: METRICS, limit: 50 });
  const servers = ask("edges", `client=${own}`, { by: "server,domain,service_port", metrics: METRICS, limit: 50 });
  const series = ask("series", `workload=${own}`, { by: "protocol", metrics: "bytes,connections_failed", limit: 1 });
  const none = clients.value?.data["client"]?.length === 0 && servers.value?.data["server"]?.length === 0;
  if (!name) return <section class="page" aria-label="Workload"><h1>Which workload?</h1><p class="quiet">Press Ctrl-K and write a few letters of its name, or click one on the map.</p></section>;
  return (
    <section class="page" aria-label="Workload">
      <div class="head">
        <h1>{name}</h1>
        <button onClick={() => go({ page: "map", rest: { sel: `w:${name}` } })}>On the map</button>
        <button onClick={() => go({ page: "flows", q: `workload=${own}`, rest: {} })}>Its flows</button>
        <button onClick={() => go({ page: "explore", q: `workload=${own}`, rest: { by: "client,server" } })}>Explore</button>
        {clients.value ? <CopyMenu path="edges" parameters={{ from: view.value.from, to: view.value.to, q: `workload=${own}`, by: "client,server,service_port" }} sql={clients.value.meta.sql} /> : null}
      </div>
      <StateBox loaded={clients} part={servers.value !== null} empty={none ? <Empty meta={clients.value?.meta ?? null} /> : null} />
      {none ? null : (
        <>
          {clients.value && servers.value ? <Sums clients={clients.value} servers={servers.value} /> : null}
          {series.value ? <Traffic answer={series.value} /> : null}
          <ForecastSwitch />
          <Forecast by={["protocol"]} metric="bytes" filter={`workload=${own}`} height={200} />
          <div class="two">
            {clients.value ? <Peers title="Its clients" side="client" answer={clients.value} none="Nobody called it in this span." /> : null}
            {servers.value ? <Peers title="Its servers" side="server" answer={servers.value} none="It called nobody in this span." /> : null}
          </div>
          {clients.value || servers.value ? <Places name={name} /> : null}
        </>
      )}
    </section>
  );
}

function Sums({ clients, servers }: { clients: Answer; servers: Answer }) {
  const span = (Date.parse(clients.meta.to) - Date.parse(clients.meta.from)) / 1_000;
  const card = (answer: Answer, did: string, one: string, more: string) => {
    const total = (name: string): number => number(answer.meta.total[name]);
    const failed = total("connections_failed");
    const p95 = answer.meta.total["rtt_us_p95"];
    const causes = [total("connections_refused") ? `${count(total("connections_refused"))} refused` : "", total("connections_timed_out") ? `${count(total("connections_timed_out"))} not answered` : ""].filter(Boolean);
    return (
      <div class={`card ${failed ? "warned" : "fine"}`}>
        <h2>{rate(total("bytes"), span)}</h2>
        <p>
          {did} {many(answer.meta.groups ?? 0, one, more)}: {bytes(total("bytes"))}, {count(total("connections_opened"))} connections
          {failed ? <b class="bad">, ⚠ {count(failed)} failed ({percent(failed / Math.max(1, failed + total("connections_opened")))}){causes.length ? `: ${causes.join(", ")}` : ""}</b> : ", none failed"}
          {p95 !== null && p95 !== undefined ? `; round trip p95 ${micros(number(p95))}` : ""}.
        </p>
      </div>
    );
  };
  return (
    <div class="cards">
      {card(clients, "Called by", "client", "clients and ports")}
      {card(servers, "Calls", "server", "servers and ports")}
    </div>
  );
}

function Traffic({ answer }: { answer: Answer }) {
  const at = useSignal<number | null>(null);
  const grid = steps(answer);
  const failed = summed(answer, "connections_failed", grid);
  const choose = (from: number, to: number): void => go(chosen(from, to, now()));
  return (
    <div class="two">
      <div>
        <h3>Bytes by the second</h3>
        <LineChart label="Bytes over time" height={140} times={grid.times} show={(value) => `${bytes(value)}/s`} at={at} choose={choose} lines={[{ label: "bytes", colour: "accent", filled: true, values: rates(summed(answer, "bytes", grid), grid) }]} />
      </div>
      <div>
        <h3>Connections that failed</h3>
        {failed.some((value) => value) ? (
          <LineChart label="Failed connections over time" height={140} times={grid.times} show={count} at={at} choose={choose} lines={[{ label: "failed", colour: "bad", filled: true, values: known(failed, grid) }]} />
        ) : (
          <p class="quiet">✓ None in this span.</p>
        )}
      </div>
    </div>
  );
}

function Peers({ title, side, answer, none }: { title: string; side: "client" | "server"; answer: Answer; none: string }) {
  const { data, meta } = answer;
  const total = number(meta.total["bytes"]);
  const rows = data[side]?.length ?? 0;
  const columns: Column[] = [
    {
      name: side,
      label: side,
      show: (value, row) => {
        const text = String(value ?? "");
        const domain = String(data["domain"]?.[row] ?? "");
        return text ? <button class="plain" onClick={() => set({ name: text })}>{text}</button> : domain ? <span>☁ {domain}</span> : <i>? no name</i>;
      },
    },
    { name: "service_port", label: "port", numeric: true },
    { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
    { name: "share", label: "share", numeric: true, show: (value) => <Share of={total ? number(value) / total : 0} /> },
    { name: "connections_opened", label: "opened", numeric: true, show: (value) => count(number(value)) },
    { name: "connections_failed", label: "failed", numeric: true, show: (value) => (number(value) ? <b class="bad">✗ {count(number(value))}</b> : <span class="quiet">0</span>) },
    { name: "rtt_us_p95", label: "rtt p95", numeric: true, show: (value) => micros(value === null ? null : number(value)) },
  ];
  return (
    <div>
      <h2>{title}</h2>
      {rows ? <Table label={title} data={{ ...data, share: data["bytes"] ?? [] }} columns={columns} /> : <p class="quiet">{none}</p>}
      {(meta.groups ?? 0) > rows ? <p class="quiet">And {count((meta.groups ?? 0) - rows)} smaller ones with {bytes(number(meta.other["bytes"]))}.</p> : null}
    </div>
  );
}

function Places({ name }: { name: string }) {
  const own = quoted(name);
  const held = useLoaded<Answer>(() => {
    const { from, to } = view.value;
    return (signal) => get("ownership", { from, to, workload: name, limit: 50 }, signal);
  }, name);
  const zones = useLoaded<Answer>(question(name, "edges", `client=${own}`, { by: "client_zone,server_zone", metrics: "bytes", limit: 20 }), name);
  const nodes = useLoaded<Answer>(question(name, "edges", `workload=${own}`, { by: "node,role", metrics: "bytes,flows", view: "both", limit: 20 }), name);
  const zone = (value: unknown) => String(value ?? "") || <i>not known</i>;
  return (
    <>
      <div class="two">
        <div>
          <h2>Addresses it held</h2>
          {held.value?.data["ip"]?.length ? (
            <Table
              label="Addresses"
              data={held.value.data}
              columns={[
                { name: "ip", label: "address", show: (value) => <button class="plain" onClick={() => go({ page: "address", rest: { ip: plainAddress(value) } })}>{plainAddress(value)}</button> },
                { name: "start", label: "from", show: (value) => shown(String(value)) },
                { name: "end", label: "until", show: (value) => (value === null ? "now" : shown(String(value))) },
                { name: "source", label: "told by" },
              ]}
            />
          ) : (
            <p class="quiet">{held.error ? held.error.problem.detail : held.value ? "None is known of this span." : "Asking …"}</p>
          )}
        </div>
        <div>
          <h2>Zones it calls from and into</h2>
          {zones.value ? (
            <Table
              label="Zones"
              data={zones.value.data}
              columns={[
                { name: "client_zone", label: "from", show: zone },
                { name: "server_zone", label: "into", show: (value, row) => <>{zone(value)}{value && value !== zones.value?.data["client_zone"]?.[row] ? <span class="tag">other zone</span> : null}</> },
                { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
              ]}
            />
          ) : null}
        </div>
      </div>
      <div class="two">
        <div>
          <h2>Nodes that tell of it</h2>
          {nodes.value ? (
            <Table
              label="Nodes"
              data={nodes.value.data}
              columns={[
                { name: "node", label: "node" },
                { name: "role", label: "as the side of the" },
                { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
                { name: "flows", label: "flows", numeric: true, show: (value) => count(number(value)) },
              ]}
            />
          ) : nodes.error ? (
            <p class="quiet">{nodes.error.problem.detail}</p>
          ) : null}
        </div>
      </div>
    </>
  );
}
