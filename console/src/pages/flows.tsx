/** Raw flows: which exactly, and which are coming in. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { get } from "../api/client";
import type { Answer, Columns } from "../api/types";
import { CopyMenu } from "../parts/copy-menu";
import { Empty } from "../parts/empty";
import { StateBox } from "../parts/state-box";
import { Table, type Column } from "../parts/table";
import { bytes, micros, number } from "../state/format";
import { load } from "../state/loaded";
import { paused, tick } from "../state/status";
import { shown } from "../state/time";
import { go, isLive, set, view } from "../state/view";

const PAGE = 200;
const plainAddress = (text: unknown): string => String(text ?? "").replace(/^::ffff:/, "");

const COLUMNS: readonly Column[] = [
  { name: "window_start", label: "window", show: (value) => shown(String(value)) },
  { name: "node_id", label: "node" },
  { name: "role", label: "role" },
  { name: "local_workload", label: "local", show: (value) => String(value) || <i>no name</i> },
  { name: "local_ip", label: "address", show: plainAddress },
  { name: "remote_workload", label: "remote", show: (value) => String(value) || <i>no name</i> },
  {
    name: "remote_ip",
    label: "address",
    show: (value) => (
      <a href={`address?ip=${plainAddress(value)}`} onClick={(event) => { event.preventDefault(); event.stopPropagation(); go({ page: "address", rest: { ip: plainAddress(value) } }); }}>
        {plainAddress(value)}
      </a>
    ),
  },
  { name: "remote_reason", label: "why none" },
  { name: "service_port", label: "port", numeric: true },
  { name: "protocol", label: "protocol" },
  { name: "bytes_sent", label: "sent", numeric: true, show: (value) => bytes(number(value)) },
  { name: "bytes_received", label: "received", numeric: true, show: (value) => bytes(number(value)) },
  { name: "connections_opened", label: "opened", numeric: true },
  { name: "connections_failed", label: "failed", numeric: true, show: (value) => (number(value) ? <b class="bad">{String(value)}</b> : "0") },
  { name: "retransmits", label: "resent", numeric: true },
  { name: "rtt_us_max", label: "rtt max", numeric: true, show: (value) => micros(number(value) || null) },
  { name: "canonical", label: "counts", show: (value) => (value ? "yes" : "no") },
];

export function FlowsPage() {
  const since = useRef(0);
  const more = useSignal<Columns | null>(null);
  const next = useSignal<string | null>(null);
  const parameters = (): Record<string, string | number | undefined> => {
    const { from, to, q, rest } = view.value;
    return { from, to, q, view: rest["view"], limit: PAGE };
  };
  const loaded = useMemo(
    () =>
      load<Answer>(() => {
        void (isLive.value && !paused.value && tick.value);
        const asked = parameters();
        since.current = Date.now();
        return (signal) => get("flows", asked, signal);
      }),
    [],
  );
  useEffect(() => loaded.stop, []);
  useSignalEffect(() => {
    const answer = loaded.state.value.value;
    more.value = null;
    next.value = answer?.meta.next ?? null;
  });
  const answer = loaded.state.value.value;
  const page = async (): Promise<void> => {
    const older = await get<Answer>("flows", { ...parameters(), cursor: next.value ?? undefined, from: answer?.meta.from, to: answer?.meta.to });
    const before = more.value ?? {};
    more.value = Object.fromEntries(Object.entries(older.data).map(([name, values]) => [name, [...(before[name] ?? []), ...values]]));
    next.value = older.meta.next ?? null;
  };
  const data = answer ? Object.fromEntries(Object.entries(answer.data).map(([name, values]) => [name, [...values, ...(more.value?.[name] ?? [])]])) : {};
  const empty = answer && (data["window_start"]?.length ?? 0) === 0;
  return (
    <section class="page" aria-label="Flows">
      <div class="head">
        <h1>Flows</h1>
        <label>
          <input type="checkbox" checked={view.value.rest["view"] === "canonical"} onChange={(event) => set({ view: event.currentTarget.checked ? "canonical" : "" })} /> only the view that counts
        </label>
        {answer ? <CopyMenu path="flows" parameters={parameters()} sql={answer.meta.sql} /> : null}
      </div>
      <StateBox loaded={loaded.state.value} since={since.current} empty={empty ? <Empty /> : null} />
      {answer && !empty ? (
        <>
          <Table data={data} columns={COLUMNS} label="Flows, the newest first" />
          {next.value ? <button onClick={() => void page()}>older flows</button> : <p class="quiet">These are all.</p>}
        </>
      ) : null}
    </section>
  );
}
