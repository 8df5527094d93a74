/** Rows of flows, of which only those in sight are in the page. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { bytes, count, micros } from "../state/format";
import type { End, FlowRow } from "../state/flow-rows";
import { elsewhere, shown } from "../state/time";
import { go } from "../state/view";

const ROW_PX = 30;
const AROUND = 12;
const TITLES: readonly { label: string; number?: boolean }[] = [
  { label: "window" },
  { label: "client" },
  { label: "" },
  { label: "server" },
  { label: "port", number: true },
  { label: "client sent", number: true },
  { label: "server sent", number: true },
  { label: "rtt max", number: true },
  { label: "connections" },
  { label: "protocol" },
  { label: "told by" },
];

interface Props {
  rows: readonly FlowRow[];
  fresh: ReadonlySet<string>;
  /** Called when the last row comes into sight. */
  more: () => void;
  foot: ComponentChildren;
}

export function FlowList({ rows, fresh, more, foot }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const seen = useSignal({ top: 0, high: 800 });
  const first = useRef<string | undefined>(undefined);
  const measure = (): void => {
    if (box.current) seen.value = { top: box.current.scrollTop, high: box.current.clientHeight };
  };
  useEffect(() => {
    measure();
    const watcher = new ResizeObserver(measure);
    if (box.current) watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  useLayoutEffect(() => {
    const added = rows.findIndex((row) => row.key === first.current);
    if (box.current && added > 0 && box.current.scrollTop > 0) box.current.scrollTop += added * ROW_PX;
    first.current = rows[0]?.key;
  }, [rows]);
  const from = Math.max(0, Math.floor(seen.value.top / ROW_PX) - AROUND);
  const to = Math.min(rows.length, Math.ceil((seen.value.top + seen.value.high) / ROW_PX) + AROUND);
  useEffect(() => {
    if (to >= rows.length && rows.length) more();
  }, [to, rows.length]);
  return (
    <div class="flow-rows" ref={box} tabIndex={0} role="region" aria-label="List of flows" onScroll={measure}>
      <div class="flow-grid" role="table" aria-label="Flows, the newest first" aria-rowcount={rows.length + 1} style={{ height: `${(rows.length + 1) * ROW_PX}px` }}>
        <div class="flow-row head-row" role="row" aria-rowindex={1}>
          {TITLES.map((title) => (
            <span role="columnheader" class={title.number ? "number" : ""}>
              {title.label || <span class="hidden">to</span>}
            </span>
          ))}
        </div>
        {rows.slice(from, to).map((row, at) => (
          <Flow key={row.key} row={row} place={from + at} fresh={fresh.has(row.key)} />
        ))}
      </div>
      <p class="flow-foot">{foot}</p>
    </div>
  );
}

function Flow({ row, place, fresh }: { row: FlowRow; place: number; fresh: boolean }) {
  const kind = ["flow-row body-row", row.failed ? "failed" : "", row.canonical ? "" : "other-view", fresh ? "fresh" : ""].filter(Boolean).join(" ");
  return (
    <div class={kind} role="row" aria-rowindex={place + 2} style={{ top: `${(place + 1) * ROW_PX}px` }}>
      <span role="cell" title={elsewhere(row.time)}>
        {shown(row.time)}
      </span>
      <EndCell end={row.client} row={row} />
      <span role="cell" class="quiet" title={row.unsure ? "Which end is the client is not known" : ""}>
        {row.unsure ? "↔" : "→"}
      </span>
      <EndCell end={row.server} row={row} />
      <span role="cell" class="number">
        {row.port || ""}
      </span>
      <span role="cell" class="number">
        {bytes(row.clientSent)}
      </span>
      <span role="cell" class="number">
        {bytes(row.serverSent)}
      </span>
      <span role="cell" class="number">
        {row.rttMaxUs ? micros(row.rttMaxUs) : ""}
      </span>
      <span role="cell">
        <Health row={row} />
      </span>
      <span role="cell">{row.protocol}</span>
      <span role="cell" title={row.canonical ? `Node ${row.node}, the ${row.role}'s side: this row counts` : `Node ${row.node}, the ${row.role}'s side: the other side's row counts`}>
        {row.node}
        {row.canonical ? "" : " (2nd)"}
      </span>
    </div>
  );
}

function EndCell({ end, row }: { end: End; row: FlowRow }) {
  const remote = end === (row.role === "server" ? row.client : row.server);
  const where: Record<string, string> = remote
    ? { ip: end.ip, at: row.time, local_ip: row.role === "server" ? row.server.ip : row.client.ip, port: String(row.port) }
    : { ip: end.ip, at: row.time };
  return (
    <span role="cell" class="end">
      {end.name ? (
        <button class="plain" title={`${end.name}: its page`} onClick={() => go({ page: "workload", rest: { name: end.name } })}>
          {end.name}
        </button>
      ) : end.domain ? (
        <span title="The name that its client had asked DNS for">☁ {end.domain}</span>
      ) : (
        <i>? {end.reason || "no name"}</i>
      )}
      <small>
        <a
          href={`address?ip=${encodeURIComponent(end.ip)}`}
          title="Who held this address, and why it has this name or none"
          onClick={(event) => {
            event.preventDefault();
            go({ page: "address", rest: where });
          }}
        >
          {end.ip}
        </a>
      </small>
    </span>
  );
}

function Health({ row }: { row: FlowRow }) {
  const other = row.failed - row.refused - row.timedOut;
  const wrong = [row.refused ? `${count(row.refused)} refused` : "", row.timedOut ? `${count(row.timedOut)} not answered` : "", other > 0 ? `${count(other)} failed` : ""].filter(Boolean);
  const odd = [row.reset ? `${count(row.reset)} reset` : "", row.retransmits ? `${count(row.retransmits)} sent again` : ""].filter(Boolean);
  return (
    <>
      {wrong.length ? <b class="bad">✗ {wrong.join(", ")}</b> : row.opened ? <span class="quiet">{count(row.opened)} opened</span> : null}
      {odd.length ? <span class="quiet"> {wrong.length || row.opened ? "· " : ""}{odd.join(", ")}</span> : null}
    </>
  );
}

