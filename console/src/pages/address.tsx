/** Who held an address, when; and why a flow to it has its name, or none. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { Tenures, type Tenure } from "../charts/tenures";
import { CopyMenu } from "../parts/copy-menu";
import { StateBox } from "../parts/state-box";
import { Table } from "../parts/table";
import { many, number, plainAddress } from "../state/format";
import { useLoaded } from "../state/loaded";
import { NAME_REASONS } from "../state/reasons";
import { elsewhere, shown } from "../state/time";
import { go, set, view } from "../state/view";

interface Held {
  workload: string;
  start: string;
  end: string;
  source: string;
  port: number;
  node_id: string;
  relation: string;
}

interface Explained {
  data: {
    why: string;
    matching: number;
    flow: Record<string, string | number | boolean>;
    now: { remote_workload: string; remote_source: string; remote_reason: string };
    ranges: Held[];
    services: { service: string; workloads: string[] }[];
  };
}

export function AddressPage() {
  const { rest } = view.value;
  const ip = rest["ip"] ?? "";
  const owners = useLoaded<Answer>(() => {
    const { from, to } = view.value;
    return ip ? (signal) => get("ownership", { from, to, ip }, signal) : null;
  }, ip);
  const asked = { ip, local_ip: rest["local_ip"], port: rest["port"], at: rest["at"] };
  const why = useLoaded<Explained>(() => (ip ? (signal) => get("explain", asked, signal) : null), JSON.stringify(asked));
  const found = owners.value;
  const flow = why.value?.data.flow;
  return (
    <section class="page" aria-label="Address">
      <div class="head">
        <h1>Who held this address?</h1>
        {found ? <CopyMenu path="ownership" parameters={{ from: view.value.from, to: view.value.to, ip }} sql={found.meta.sql} /> : null}
      </div>
      <Form ip={ip} />
      {ip ? (
        <>
          <StateBox loaded={owners} empty={null} />
          {found ? <Owners answer={found} ip={ip} moment={flow ? Date.parse(String(flow["window_start"])) / 1_000 : null} /> : null}
          {why.value ? <Why told={why.value.data} /> : null}
          {why.error && why.error.problem.status === 404 ? <p class="quiet">{why.error.problem.detail}</p> : null}
        </>
      ) : (
        <p class="quiet">Write an address, or click one in Flows: that explains the very flow.</p>
      )}
    </section>
  );
}

function Form({ ip }: { ip: string }) {
  const text = useSignal(ip);
  useSignalEffect(() => {
    text.value = view.value.rest["ip"] ?? "";
  });
  return (
    <form
      class="row"
      role="search"
      aria-label="Address"
      onSubmit={(event) => {
        event.preventDefault();
        set({ ip: text.value.trim(), at: "", local_ip: "", port: "" });
      }}
    >
      <input aria-label="Address" value={text.value} placeholder="10.0.0.1 or 2001:db8::1" spellcheck={false} onInput={(event) => (text.value = event.currentTarget.value)} />
      <button disabled={!text.value.trim()}>Show</button>
      {ip ? (
        <>
          <button type="button" onClick={() => go({ page: "flows", q: `ip=${ip}`, rest: {} })}>Its flows</button>
          <button type="button" onClick={() => go({ page: "explore", q: `ip=${ip}`, rest: { by: "client,server" } })}>Explore</button>
        </>
      ) : null}
    </form>
  );
}

function Owners({ answer, ip, moment }: { answer: Answer; ip: string; moment: number | null }) {
  const { data, meta } = answer;
  const time = (name: string, row: number): number | null => (data[name]?.[row] ? Date.parse(String(data[name]?.[row])) / 1_000 : null);
  const tenures: Tenure[] = (data["workload"] ?? []).map((owner, row) => ({ owner: String(owner), from: time("start", row) ?? 0, to: time("end", row) }));
  const workload = (name: string): void => go({ page: "workload", rest: { name } });
  return (
    <>
      <Tenures tenures={tenures} from={Date.parse(meta.from) / 1_000} to={Date.parse(meta.to) / 1_000} moment={moment} pick={workload} />
      {tenures.length === 0 ? (
        <p class="quiet">Nobody is known to have held {ip} in this span. A longer span may know; an address that no agent speaks for has no owner at any time.</p>
      ) : (
        <Table
          data={data}
          label="Owners"
          columns={[
            { name: "workload", label: "owner", show: (value) => <button class="plain" onClick={() => workload(String(value))}>{String(value)}</button> },
            { name: "start", label: "from", show: (value) => <span title={elsewhere(String(value))}>{shown(String(value))}</span> },
            { name: "end", label: "until", show: (value) => (value === null ? "now" : <span title={elsewhere(String(value))}>{shown(String(value))}</span>) },
            { name: "source", label: "told by" },
            { name: "port", label: "port", show: (value) => (number(value) ? String(value) : "all") },
            { name: "network", label: "network" },
          ]}
        />
      )}
    </>
  );
}

function Why({ told }: { told: Explained["data"] }) {
  const { flow } = told;
  const name = String(flow["remote_workload"] ?? "");
  const reason = String(flow["remote_reason"] ?? "");
  const verb = flow["role"] === "server" ? "was called by" : flow["role"] === "client" ? "called" : "spoke with";
  const ranges = {
    workload: told.ranges.map((one) => one.workload),
    start: told.ranges.map((one) => one.start),
    end: told.ranges.map((one) => one.end),
    relation: told.ranges.map((one) => one.relation),
    told: told.ranges.map((one) => one.node_id || one.source),
  };
  return (
    <section class="card why" aria-label="Why this name">
      <h2>{name ? `${name}, told by ${String(flow["remote_source"])}` : `No name: ${reason}`}</h2>
      <p class="said">{told.why.replaceAll(/::ffff:(?=\d+\.)/g, "")}</p>
      {name ? null : <p>{NAME_REASONS[reason]?.remedy ?? ""}</p>}
      <p>
        Of the flow in which {String(flow["local_workload"] || "somebody")} ({plainAddress(flow["local_ip"])}) {verb} {plainAddress(flow["remote_ip"])}, {String(flow["protocol"])} port{" "}
        {String(flow["service_port"])}, in the window of {shown(String(flow["window_start"]))}, counted by {String(flow["node_id"])}.
        {told.matching > 1 ? ` ${many(told.matching - 1, "more flow fits", "more flows fit")}; this is the newest.` : ""}
      </p>
      {told.services.length ? <p>Behind the service {told.services.map((one) => `${one.service} (${one.workloads.join(", ")})`).join("; ")}.</p> : null}
      {told.ranges.length ? (
        <Table
          data={ranges}
          label="Evidence"
          columns={[
            { name: "workload", label: "owner" },
            { name: "start", label: "from", show: (value) => shown(String(value)) },
            { name: "end", label: "until", show: (value) => (String(value) > "2200" ? "now" : shown(String(value))) },
            { name: "relation", label: "stands to the flow" },
            { name: "told", label: "told by" },
          ]}
        />
      ) : null}
    </section>
  );
}
