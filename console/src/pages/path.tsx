/** Does this client reach that server: a verdict, and what it rests on. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { get } from "../api/client";
import type { Answered, Path } from "../api/answers";
import type { Columns } from "../api/types";
import { CopyMenu } from "../parts/copy-menu";
import { EndInput } from "../parts/end-input";
import { StateBox } from "../parts/state-box";
import { Table } from "../parts/table";
import { rowsOf } from "../state/columns";
import { filterOf, onMap } from "../state/edge";
import { bytes, count, many, number, percent } from "../state/format";
import { useLoaded } from "../state/loaded";
import { minute, paused } from "../state/status";
import { elsewhere, shown } from "../state/time";
import { verdictOf } from "../state/verdicts";
import { go, isLive, set, spanned, view } from "../state/view";

export function PathPage() {
  const { rest, from, to } = view.value;
  const [client, server, port, protocol] = [rest["client"] ?? "", rest["server"] ?? "", rest["port"] ?? "", rest["protocol"] ?? ""];
  const asked = { client, server, port, protocol };
  const loaded = useLoaded<Answered<Path>>(() => {
    void (isLive.value && !paused.value && minute.value);
    const { from, to, q } = spanned.value;
    return client && server ? (signal) => get("path", { ...asked, from, to, q }, signal) : null;
  }, JSON.stringify(asked));
  const path = loaded.value?.data;
  const command = `weir path '${client.replaceAll("'", "")}' '${server.replaceAll("'", "")}${port ? `:${port}` : ""}'`;
  return (
    <section class="page path-page" aria-label="Path">
      <div class="head">
        <h1>Does it get there?</h1>
        {loaded.value ? <CopyMenu path="path" parameters={{ ...asked, from, to, q: view.value.q }} sql={loaded.value.meta?.sql ?? ""} command={command} csv={false} /> : null}
      </div>
      <Form key={JSON.stringify(asked)} {...asked} />
      {client && server ? (
        <StateBox loaded={loaded} empty={null} />
      ) : (
        <p class="quiet">Write two ends; or on the map choose an edge and press p, or press p on one shape and then on the other.</p>
      )}
      {path && client && server ? <Verdict path={path} asked={asked} /> : null}
    </section>
  );
}

interface Ends {
  client: string;
  server: string;
  port: string;
  protocol: string;
}

function Form(asked: Ends) {
  const text = useSignal(asked);
  useSignalEffect(() => {
    const { rest } = view.value;
    text.value = { client: rest["client"] ?? "", server: rest["server"] ?? "", port: rest["port"] ?? "", protocol: rest["protocol"] ?? "" };
  });
  const write = (name: keyof Ends) => (value: string): void => {
    text.value = { ...text.peek(), [name]: value.trim() };
  };
  const { client, server, port, protocol } = text.value;
  return (
    <form
      class="row path-form"
      role="search"
      aria-label="Path"
      onSubmit={(event) => {
        event.preventDefault();
        set({ ...text.value, protocol: text.value.protocol === "tcp" ? "" : text.value.protocol });
      }}
    >
      <EndInput label="Client" side="client" value={client} write={write("client")} />
      <span aria-hidden="true">→</span>
      <EndInput label="Server" side="server" value={server} write={write("server")} />
      <input class="port" aria-label="Port" inputMode="numeric" placeholder="any port" value={port} onInput={(event) => write("port")(event.currentTarget.value)} />
      <select aria-label="Protocol" value={protocol || "tcp"} onChange={(event) => write("protocol")(event.currentTarget.value)}>
        <option value="tcp">tcp</option>
        <option value="udp">udp</option>
      </select>
      <button disabled={!client || !server}>Ask</button>
      <button type="button" disabled={!client || !server} title="The other way round" onClick={() => set({ client: server, server: client })}>
        ⇄ swap
      </button>
    </form>
  );
}

function Verdict({ path, asked }: { path: Partial<Path>; asked: Ends }) {
  const { sign, head, kind } = verdictOf(path.verdict ?? "");
  const edge = { client: asked.client, server: asked.server, protocol: asked.protocol, port: Number(asked.port) || 0 };
  return (
    <>
      <div class={`card answer ${kind}`} role="status">
        <h2>
          <span aria-hidden="true">{sign}</span> {head}
        </h2>
        {path.sentence ? <p class="told">{path.sentence}</p> : null}
        {path.share ? <p>Of attempts, {between(path.share)} succeed (95 %).</p> : null}
        {path.reasons?.length ? <ul>{path.reasons.map((reason) => <li>{reason}</li>)}</ul> : null}
        <p class="row">
          <button onClick={() => go({ page: "flows", q: filterOf(edge), rest: {} })}>its flows</button>
          <button onClick={() => go(onMap(edge))}>on the map</button>
        </p>
      </div>
      <Times path={path} />
      <Counts path={path} />
      {!path.evidence ? null : rowsOf(path.evidence) ? <Evidence data={path.evidence} /> : <p class="quiet">No node has told of an attempt in this span.</p>}
    </>
  );
}

/** Rounded so that the bounds still hold what they held. */
function between({ low, high }: { low: number; high: number }): string {
  const floor = `${Math.floor(low * 10_000) / 100} %`;
  return high >= 1 ? `at least ${floor}` : low <= 0 ? `at most ${percent(high)}` : `between ${floor} and ${percent(high)}`;
}

function Times({ path }: { path: Partial<Path> }) {
  const times = [
    ["first success", path.first_success],
    ["last success", path.last_success],
    ["first failure", path.first_failure],
    ["last failure", path.last_failure],
  ] as const;
  return (
    <div class="cards times">
      {times.map(([label, time]) => (
        <div class="card">
          <h2 title={elsewhere(time ?? null)}>{time ? shown(time) : "–"}</h2>
          <p>{label}{time ? "" : time === null ? ": none in this span" : ": not known"}</p>
        </div>
      ))}
    </div>
  );
}

function Counts({ path }: { path: Partial<Path> }) {
  if (path.opened === undefined) return null;
  const failed = number(path.failed);
  const causes = [path.refused ? `${count(number(path.refused))} refused` : "", path.timed_out ? `${count(number(path.timed_out))} not answered` : ""].filter(Boolean);
  return (
    <p>
      {many(number(path.opened), "connection")} opened, {failed ? <b class="bad">✗ {count(failed)} failed{causes.length ? ` (${causes.join(", ")})` : ""}</b> : "none failed"}, {count(number(path.reset))} reset,{" "}
      {bytes(number(path.bytes))} moved.
    </p>
  );
}

function Evidence({ data }: { data: Columns }) {
  const size = (value: unknown): string => count(number(value));
  const time = (value: unknown) => <span class="tight" title={elsewhere(value ? String(value) : null)}>{shown(value ? String(value) : null)}</span>;
  return (
    <div class="block">
      <h2>As each node counted it</h2>
      <Table
        label="Evidence by node"
        data={data}
        columns={[
          { name: "node", label: "node" },
          { name: "zone", label: "zone", show: (value) => String(value ?? "") || <i>not known</i> },
          { name: "role", label: "side" },
          { name: "opened", label: "opened", numeric: true, show: size },
          { name: "failed", label: "failed", numeric: true, show: (value) => (number(value) ? <b class="bad">✗ {size(value)}</b> : "0") },
          { name: "refused", label: "refused", numeric: true, show: size },
          { name: "timed_out", label: "not answered", numeric: true, show: size },
          { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
          { name: "last_success", label: "last success", show: time },
          { name: "last_failure", label: "last failure", show: time },
        ]}
      />
    </div>
  );
}
