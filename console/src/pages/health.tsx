/** Which edges do worse than usual, by harm: what is to be looked at first. */
import { get } from "../api/client";
import type { Answered } from "../api/answers";
import type { Columns } from "../api/types";
import { CopyMenu } from "../parts/copy-menu";
import { SeveritySign } from "../parts/severity-sign";
import { StateBox } from "../parts/state-box";
import { Table, type Column } from "../parts/table";
import { Against, Counted, EdgeName } from "../parts/worse";
import { numberAt, rowsOf, taken, textAt } from "../state/columns";
import { edgeAt, filterOf, pathOf } from "../state/edge";
import { many, number } from "../state/format";
import { useLoaded } from "../state/loaded";
import { signalOf } from "../state/signals";
import { minute, paused, pulse } from "../state/status";
import { elsewhere, shown } from "../state/time";
import { go, isLive, set, spanned, view } from "../state/view";

const LIMIT = 100;

export function HealthPage() {
  const loaded = useLoaded<Answered<Columns>>(() => {
    void (isLive.value && !paused.value && minute.value);
    const { from, to, q } = spanned.value;
    return (signal) => get("health", { from, to, q, limit: LIMIT }, signal);
  });
  const { from, to, q, rest } = view.value;
  const data = (loaded.value?.data ?? {}) as Columns;
  const meta = loaded.value?.meta;
  const fault = rest["fault"] ?? "";
  const rows = Array.from({ length: rowsOf(data) }, (_, row) => row).filter((row) => !fault || textAt(data, "fault", row) === fault);
  return (
    <section class="page health-page" aria-label="Health">
      <div class="head">
        <h1>What is worse than usual?</h1>
        {loaded.value ? <CopyMenu path="health" parameters={{ from, to, q, limit: LIMIT }} sql={meta?.sql ?? ""} command="weir health" /> : null}
      </div>
      <StateBox loaded={loaded} empty={null} />
      {loaded.value && !data["signal"] ? <p class="quiet">Not known: this console has no answer about health.</p> : null}
      {data["signal"] && !rowsOf(data) ? <AllWell /> : null}
      {rowsOf(data) ? (
        <>
          <Faults data={data} chosen={fault} />
          <div class="block">
            <Table label="Worse than usual" data={taken(data, rows)} columns={columns(taken(data, rows))} />
          </div>
          {rowsOf(data) >= LIMIT ? <p class="quiet">These are the {LIMIT} that harm most; a filter shows others.</p> : null}
          <p class="quiet">
            Ranked by what is in excess of usual. Usual is the same hour of past weeks; the bar is what the figure may be, given how much was tried; the line is the usual. Only TCP is seen: a program
            that answers with errors is healthy here.
          </p>
        </>
      ) : null}
    </section>
  );
}

function AllWell() {
  const { status } = pulse.value;
  const silent = status ? status.nodes.known - status.nodes.reporting : 0;
  return (
    <div class="card fine">
      <h2>✓ Nothing is worse than usual</h2>
      <p>
        No edge of this span fails, is reset, loses packets, is slow or is silent beyond what chance and its own past explain.
        {silent ? ` ${many(silent, "node is", "nodes are")} silent: of what runs there alone nothing is known.` : ""}
      </p>
    </div>
  );
}

/** What several edges have in common: one server, node or zone is at fault, and not each of them. */
function Faults({ data, chosen }: { data: Columns; chosen: string }) {
  const found = new Map<string, number[]>();
  for (let row = 0; row < rowsOf(data); row += 1) {
    const fault = textAt(data, "fault", row);
    if (fault) found.set(fault, [...(found.get(fault) ?? []), row]);
  }
  const shared = [...found].filter(([, rows]) => rows.length > 1);
  if (!shared.length) return null;
  return (
    <div class="cards" role="group" aria-label="At fault">
      {shared.map(([fault, rows]) => {
        const signals = [...new Set(rows.map((row) => signalOf(textAt(data, "signal", row)).label))];
        const first = rows.map((row) => textAt(data, "since", row)).filter(Boolean).sort()[0] ?? null;
        return (
          <div class="card warned">
            <h2>{fault}</h2>
            <p>
              {rows.length} rows below have it in common: {signals.join(", ")}
              {first ? `, since ${shown(first)}` : ""}.
            </p>
            <p class="row">
              <button aria-pressed={fault === chosen} onClick={() => set({ fault: fault === chosen ? "" : fault })}>only these</button>
              <FaultLink fault={fault} />
            </p>
          </div>
        );
      })}
    </div>
  );
}

function FaultLink({ fault }: { fault: string }) {
  const [kind, name] = [fault.slice(0, fault.indexOf(" ")), fault.slice(fault.indexOf(" ") + 1)];
  if (kind === "server") return <button onClick={() => go({ page: "workload", rest: { name } })}>its page</button>;
  if (kind === "zone") return <button onClick={() => go({ page: "map", rest: { sel: `z:${name}`, fold: "zone" } })}>on the map</button>;
  return null;
}

function columns(data: Columns): Column[] {
  return [
    { name: "rank", label: "#", numeric: true },
    {
      name: "sentence",
      label: "edge",
      show: (value, row) => (
        <>
          <EdgeName data={data} row={row} />
          {value ? <p class="said quiet">{String(value)}</p> : null}
        </>
      ),
    },
    {
      name: "severity",
      label: "what",
      show: (value, row) => (
        <>
          <SeveritySign severity={String(value ?? "")} />
          <br />
          {signalOf(textAt(data, "signal", row)).label}
        </>
      ),
    },
    { name: "now", label: "now, and usually", show: (_, row) => <Against data={data} row={row} /> },
    { name: "excess", label: "counted", numeric: true, show: (_, row) => <Counted data={data} row={row} /> },
    { name: "clients", label: "clients", numeric: true, show: (value) => (value === null ? "–" : String(number(value))) },
    { name: "since", label: "since", show: (value, row) => <Since from={String(value ?? "")} until={textAt(data, "until", row)} /> },
    { name: "fault", label: "at fault", show: (value) => (value ? <span class="tag">{String(value)}</span> : "") },
    { name: "client", label: "look", show: (_, row) => <Look data={data} row={row} /> },
  ];
}

function Since({ from, until }: { from: string; until: string }) {
  return (
    <span class="tight" title={elsewhere(from)}>
      {shown(from, false)}
      {until ? <small class="bounds-said">over at {shown(until, false)}</small> : null}
    </span>
  );
}

function Look({ data, row }: { data: Columns; row: number }) {
  const edge = edgeAt(data, row);
  if (numberAt(data, "rank", row) === null && !edge.client && !edge.server) return null;
  return (
    <span class="looks">
      <button class="plain" onClick={() => go({ page: "flows", q: filterOf(edge), rest: {} })}>flows</button>
      {edge.client && edge.server ? <button class="plain" onClick={() => go(pathOf(edge))}>path</button> : null}
    </span>
  );
}
