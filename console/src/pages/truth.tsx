/** Is the picture complete: which nodes are silent, what was lost where, and which names are missing, and why. */
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { StateBox } from "../parts/state-box";
import { Table } from "../parts/table";
import { bytes, count, number, percent } from "../state/format";
import { load } from "../state/loaded";
import { paused, pulse, tick } from "../state/status";
import { shown } from "../state/time";
import { go, isLive, view } from "../state/view";

const WHY: Record<string, string> = {
  unknown: "No agent and no event speaks for the address. Run an agent there, or name the range in WEIR_CIDRS.",
  ambiguous: "Two owners are possible at that time, within what clocks may differ by.",
  shared: "Several workloads share the address, and none is known to listen on the port.",
  gap: "Somebody held the address before or after, and nobody at that time: heartbeats are missing.",
  external: "An address of the internet.",
  group: "Multicast or broadcast: a group, not one workload.",
  link_local: "Every link has such an address of its own.",
};

export const truthMeta = signal<Answer["meta"] | null>(null);

export function TruthPage() {
  const since = useRef(0);
  const losses = useMemo(() => load<Answer>(ask("losses", {}, since)), []);
  const names = useMemo(() => load<Answer>(ask("edges", { by: "reason", metrics: "bytes,flows", limit: 20 }, since)), []);
  useEffect(() => () => [losses, names].forEach((one) => one.stop()), []);
  const status = pulse.value.status;
  const lost = losses.state.value.value;
  const reasons = names.state.value.value;
  const total = number(reasons?.meta.total["bytes"]);
  return (
    <section class="page truth-page" aria-label="Truth">
      <h1>Is the picture complete?</h1>
      <StateBox loaded={losses.state.value} since={since.current} empty={null} />
      {status ? (
        <div class="cards">
          <div class="card">
            <h2>{shown(status.complete_until)}</h2>
            <p>Complete until then. Windows of {status.window_seconds} s; the newest flows are of {shown(status.newest)}.</p>
          </div>
          <div class={`card${status.nodes.reporting < status.nodes.known ? " warned" : ""}`}>
            <h2>
              {status.nodes.reporting} of {status.nodes.known} nodes
            </h2>
            <p>
              {status.nodes.reporting === status.nodes.known
                ? "Every node of the last hour has reported its newest windows."
                : `Silent: ${status.nodes.silent?.join(", ") ?? "nodes outside of your scope"}. Ask weir doctor there.`}
            </p>
          </div>
          <div class={`card${lost && number(lost.meta.lost.bytes) + number(lost.meta.lost.flows) > 0 ? " warned" : ""}`}>
            <h2>{bytes(number(lost?.meta.lost.bytes))} lost</h2>
            <p>{lost && lost.data["stage"]?.length ? "Known not to have been counted in this span; where and why stands below." : "Nothing is known to be lost in this span."}</p>
          </div>
          <div class="card">
            <h2>{percent(reasons?.meta.unnamed ?? null) || "–"} without a name</h2>
            <p>Bytes of which an end has no name. Absent, never guessed.</p>
          </div>
        </div>
      ) : null}
      {reasons ? (
        <>
          <h2>Names that are missing, and why</h2>
          <Table
            label="Bytes by reason"
            data={reasons.data}
            pick={(row) => {
              const reason = String(reasons.data["reason"]?.[row] ?? "");
              if (reason) go({ page: "flows", q: [view.value.q, `reason=${reason}`].filter(Boolean).join(" "), rest: {} });
            }}
            columns={[
              { name: "reason", label: "reason", show: (value) => String(value) || "named" },
              { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
              { name: "share", label: "share", numeric: true, show: (_, row) => percent(total ? number(reasons.data["bytes"]?.[row]) / total : 0) },
              { name: "flows", label: "flows", numeric: true, show: (value) => count(number(value)) },
              { name: "why", label: "what it means", show: (_, row) => WHY[String(reasons.data["reason"]?.[row] ?? "")] ?? "Both ends have a name." },
            ]}
          />
        </>
      ) : null}
      {lost && lost.data["stage"]?.length ? (
        <>
          <h2>Losses</h2>
          <Table
            label="Losses"
            data={lost.data}
            columns={[
              { name: "stage", label: "stage" },
              { name: "reason", label: "reason" },
              ...(lost.data["node"] ? [{ name: "node", label: "node" }] : []),
              { name: "first", label: "from", show: (value) => shown(String(value)) },
              { name: "last", label: "until", show: (value) => shown(String(value)) },
              { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
              { name: "packets", label: "packets", numeric: true, show: (value) => count(number(value)) },
              { name: "flows", label: "flows", numeric: true, show: (value) => count(number(value)) },
            ]}
          />
        </>
      ) : null}
    </section>
  );
}

function ask(path: string, more: Record<string, string | number>, since: { current: number }) {
  return () => {
    void (isLive.value && !paused.value && tick.value);
    const { from, to, q } = view.value;
    since.current = Date.now();
    return (signal: AbortSignal) => get<Answer>(path, { from, to, q, ...more }, signal);
  };
}
