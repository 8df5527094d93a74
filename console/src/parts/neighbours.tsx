/** The edges of a shape, the most harmful first. The first has the focus, so that Enter opens the worst. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { fails, healthOf, severity, type Health } from "../map/severity";
import { edgeKey, edgesOf, type Graph } from "../map/model";
import { nameOf, selection } from "../map/terms";
import { walked } from "../map/input/arrow-keys";
import { bytes, count, number, percent } from "../state/format";
import { load } from "../state/loaded";
import { paused, tick } from "../state/status";
import { isLive, set, view } from "../state/view";

interface Row {
  key: string;
  out: boolean;
  label: string;
  bytes: number;
  health: Health;
}

const SHOWN = 100;
const METRICS = "bytes,connections_opened,connections_failed,connections_reset,retransmits,packets";

/** A workload's own edges are asked for, whether or not it is folded into a group; those of a group are the map's. */
export function Neighbours({ graph, selected }: { graph: Graph; selected: string }) {
  const own = /^[wd]:/.test(selected);
  return own ? <Asked selected={selected} /> : <List rows={ofGraph(graph, selected)} selected={selected} />;
}

function Asked({ selected }: { selected: string }) {
  const loaded = useMemo(
    () =>
      load<Answer>(() => {
        void (isLive.value && !paused.value && tick.value);
        const { from, to, q } = view.value;
        const term = selection(selected);
        const parameters = { from, to, q: q ? `(${q}) ${term}` : term, by: "client,server,domain,reason", metrics: METRICS, order: "connections_failed", limit: SHOWN };
        return (stop) => get("edges", parameters, stop);
      }),
    [selected],
  );
  useEffect(() => loaded.stop, [selected]);
  const { value } = loaded.state.value;
  return value ? <List rows={ofAnswer(value, selected)} selected={selected} /> : <p class="quiet">Asking …</p>;
}

function ofAnswer(answer: Answer, selected: string): Row[] {
  const { data } = answer;
  const text = (name: string, at: number): string => String(data[name]?.[at] ?? "");
  const sum = (name: string, at: number): number => number(data[name]?.[at]);
  return (data["client"] ?? []).map((_, at) => {
    const [client, server, domain, reason] = [text("client", at), text("server", at), text("domain", at), text("reason", at)];
    const from = client ? `w:${client}` : `u:${reason}`;
    const to = server ? `w:${server}` : domain ? `d:${domain}` : `u:${reason}`;
    const out = from === selected;
    const other = out ? to : from;
    return {
      key: `${from}>${to}`,
      out,
      label: other.startsWith("u:") ? `(${nameOf(other)})` : nameOf(other),
      bytes: sum("bytes", at),
      health: {
        opened: sum("connections_opened", at),
        failed: sum("connections_failed", at),
        failing: fails(sum("connections_opened", at), sum("connections_failed", at)),
        reset: sum("connections_reset", at),
        retransmits: sum("retransmits", at),
        packets: sum("packets", at),
      },
    };
  });
}

function ofGraph(graph: Graph, selected: string): Row[] {
  const shape = graph.shapes.findIndex((one) => one.key === selected);
  return edgesOf(graph, shape).map((edge) => {
    const out = graph.source[edge] === shape;
    const other = (out ? graph.target[edge] : graph.source[edge]) ?? 0;
    return { key: edgeKey(graph, edge), out, label: graph.shapes[other]?.label ?? "", bytes: graph.bytes[edge] ?? 0, health: healthOf(graph, edge) };
  });
}

function List({ rows, selected }: { rows: Row[]; selected: string }) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    // Who jumped here finds the worst edge under Enter; who points at the map, or walks over it, stays there.
    const free = document.activeElement === null || document.activeElement === document.body;
    if (free && walked.to !== selected) list.current?.querySelector("button")?.focus({ preventScroll: true });
  }, [selected]);
  const sorted = [...rows].sort((a, b) => severity(b.health) - severity(a.health) || b.bytes - a.bytes || (a.key < b.key ? -1 : 1)).slice(0, SHOWN);
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    const items = [...(list.current?.querySelectorAll("button") ?? [])];
    event.preventDefault();
    event.stopPropagation();
    items[(items.indexOf(document.activeElement as HTMLButtonElement) + by + items.length) % items.length]?.focus();
  };
  return (
    <>
      <h3>Who it talks to, the worst first</h3>
      <ul ref={list} class="neighbours" onKeyDown={step}>
        {sorted.map((row) => (
          <li key={row.key}>
            <button class="plain" onClick={() => set({ sel: row.key })}>
              <span>
                <small aria-label={row.out ? "calls" : "is called by"}>{row.out ? "→" : "←"}</small> {row.label}
              </span>
              <Wrong health={row.health} />
              <small>{bytes(row.bytes)}</small>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function Wrong({ health }: { health: Health }) {
  const { opened, failed, reset, retransmits, packets } = health;
  if (failed) {
    return (
      <b class="bad">
        ▲ {count(failed)} failed, {percent(failed / Math.max(1, opened + failed))}
      </b>
    );
  }
  if (severity(health) === 0) return null;
  return <b class="warn">▲ {severity(health) >= 50 ? `${count(reset)} reset` : `${percent(retransmits / packets)} sent again`}</b>;
}
