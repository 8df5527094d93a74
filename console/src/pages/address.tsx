/** Who held an address, when; and why a flow to it has its name, or none. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { StateBox } from "../parts/state-box";
import { Table } from "../parts/table";
import { load } from "../state/loaded";
import { shown } from "../state/time";
import { set, view } from "../state/view";

interface Explained {
  data: { why: string; flow: Record<string, string | number | boolean>; ranges: Record<string, string>[] };
}

export function AddressPage() {
  const since = useRef(0);
  const text = useSignal(view.value.rest["ip"] ?? "");
  useSignalEffect(() => {
    text.value = view.value.rest["ip"] ?? "";
  });
  const owners = useMemo(
    () =>
      load<Answer>(() => {
        const { from, to, rest } = view.value;
        since.current = Date.now();
        return rest["ip"] ? (signal) => get("ownership", { from, to, ip: rest["ip"] }, signal) : null;
      }),
    [],
  );
  const why = useMemo(
    () =>
      load<Explained>(() => {
        const { rest } = view.value;
        return rest["ip"] ? (signal) => get("explain", { ip: rest["ip"], at: rest["at"] }, signal) : null;
      }),
    [],
  );
  useEffect(() => () => [owners, why].forEach((one) => one.stop()), []);
  const found = owners.state.value.value;
  const explained = why.state.value.value?.data;
  return (
    <section class="page" aria-label="Address">
      <h1>Who held this address?</h1>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          set({ ip: text.value.trim(), at: "" });
        }}
      >
        <input aria-label="Address" value={text.value} placeholder="10.0.0.1 or 2001:db8::1" onInput={(event) => (text.value = event.currentTarget.value)} />
        <button>show</button>
      </form>
      {view.value.rest["ip"] ? <StateBox loaded={owners.state.value} since={since.current} empty={null} /> : <p class="quiet">Write an address, or click one in Flows.</p>}
      {explained ? (
        <div class="card wide">
          <h2>{String(explained.flow["remote_workload"] || `no name (${explained.flow["remote_reason"]})`)}</h2>
          <p>{explained.why}</p>
          <small>of the newest flow to it, {shown(String(explained.flow["window_start"]))}</small>
        </div>
      ) : null}
      {why.state.value.error ? <p class="quiet">{why.state.value.error.problem.detail}</p> : null}
      {found ? (
        <Table
          label="Owners"
          data={found.data}
          columns={[
            { name: "workload", label: "owner" },
            { name: "start", label: "from", show: (value) => shown(String(value)) },
            { name: "end", label: "until", show: (value) => (value === null ? "now" : shown(String(value))) },
            { name: "source", label: "told by" },
            { name: "port", label: "port", numeric: true, show: (value) => (value ? String(value) : "all") },
            { name: "network", label: "network" },
          ]}
        />
      ) : null}
    </section>
  );
}
