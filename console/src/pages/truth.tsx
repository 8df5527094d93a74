/** Is the picture complete: which nodes are silent, what was lost where, and which names are missing, and why. */
import { get } from "../api/client";
import type { Answer, Status } from "../api/types";
import { Bars } from "../charts/bars";
import { CopyMenu } from "../parts/copy-menu";
import { StateBox } from "../parts/state-box";
import { Table } from "../parts/table";
import { bytes, count, many, number, percent } from "../state/format";
import { useLoaded } from "../state/loaded";
import { NAME_REASONS, lossReason } from "../state/reasons";
import { paused, pulse, tick } from "../state/status";
import { elsewhere, length, shown } from "../state/time";
import { go, isLive, view } from "../state/view";
import { Share } from "./explore-sums";

const ask = (path: string, more: Record<string, string | number>, filtered: boolean) => () => {
  void (isLive.value && !paused.value && tick.value);
  const { from, to, q } = view.value;
  return (signal: AbortSignal) => get<Answer>(path, { from, to, ...(filtered ? { q } : {}), ...more }, signal);
};

export function TruthPage() {
  const losses = useLoaded<Answer>(ask("losses", {}, false));
  const times = useLoaded<Answer>(ask("losses", { by: "stage,reason,step" }, false));
  const names = useLoaded<Answer>(ask("edges", { by: "reason", metrics: "bytes,flows", limit: 20 }, true));
  const { status } = pulse.value;
  const lost = losses.value;
  return (
    <section class="page truth-page" aria-label="Truth">
      <div class="head">
        <h1>Is the picture complete?</h1>
        {lost ? <CopyMenu path="losses" parameters={{ from: view.value.from, to: view.value.to }} sql={lost.meta.sql} /> : null}
      </div>
      <StateBox loaded={losses} empty={null} part />
      {status ? <Cards status={status} losses={lost} unnamed={names.value?.meta.unnamed ?? null} /> : null}
      {lost ? <Losses losses={lost} times={times.value} /> : null}
      {names.value ? <Names answer={names.value} /> : null}
      {status ? <Nodes status={status} /> : null}
    </section>
  );
}

function Cards({ status, losses, unnamed }: { status: Status; losses: Answer | null; unnamed: number | null }) {
  const { known, reporting, silent } = status.nodes;
  const behind = status.complete_until ? (Date.parse(status.now) - Date.parse(status.complete_until)) / 1_000 : null;
  const lost = losses?.meta.lost;
  const losing = lost !== undefined && number(lost.bytes) + number(lost.flows) + number(lost.packets) > 0;
  return (
    <div class="cards">
      <div class="card">
        <h2 title={elsewhere(status.complete_until)}>{shown(status.complete_until)}</h2>
        <p>
          Complete until then{behind === null ? "" : `, ${length(behind)} ago`}. Windows have {status.window_seconds} s; the newest flows are of {shown(status.newest)}.
        </p>
      </div>
      <div class={`card ${reporting < known ? "warned" : "fine"}`}>
        <h2>
          {reporting < known ? "⚠ " : "✓ "}
          {reporting} of {known} nodes
        </h2>
        <p>{reporting === known ? "Every node of the last hour has told of its newest windows." : `${silent ? silent.slice(0, 6).join(", ") : many(known - reporting, "node")} ${known - reporting === 1 ? "is" : "are"} silent. Run weir doctor there.`}</p>
      </div>
      <div class={`card ${losing ? "warned" : lost ? "fine" : ""}`}>
        <h2>
          {losing ? "⚠ " : lost ? "✓ " : ""}
          {lost ? bytes(number(lost.bytes)) : "–"} lost
        </h2>
        <p>{!lost ? "Asking …" : losing ? "Known not to have been counted in this span: where and why stands below." : "Nothing is known to be lost in this span."}</p>
      </div>
      <div class="card">
        <h2>{percent(unnamed) || "–"} without a name</h2>
        <p>Bytes of which an end has no name. A name is absent, never guessed.</p>
      </div>
    </div>
  );
}

function Losses({ losses, times }: { losses: Answer; times: Answer | null }) {
  const { data } = losses;
  const rows = data["stage"]?.length ?? 0;
  const total = number(losses.meta.lost.bytes);
  const reason = (row: number) => lossReason(String(data["stage"]?.[row] ?? ""), String(data["reason"]?.[row] ?? ""));
  if (!rows) return <div class="block"><h2>What was lost, where</h2><p class="quiet">None in this span, at no stage from the kernel to the tables.</p></div>;
  return (
    <div class="block">
      <h2>What was lost, where</h2>
      {times ? <Bars answer={times} label="Bytes lost over time" names={["stage", "reason"]} metric="bytes" show={bytes} /> : null}
      <Table
        data={{ ...data, share: data["bytes"] ?? [], means: data["stage"] ?? [] }}
        label="Losses"
        columns={[
          { name: "stage", label: "stage", show: (value, row) => <span class="tight">{String(value)} <b>{String(data["reason"]?.[row] ?? "")}</b></span> },
          ...(data["node"] ? [{ name: "node", label: "node", show: (value: unknown) => <span class="tight">{String(value ?? "")}</span> }] : []),
          { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
          { name: "share", label: "share", numeric: true, show: (value) => <Share of={total ? number(value) / total : 0} /> },
          { name: "packets", label: "packets", numeric: true, show: (value) => count(number(value)) },
          { name: "last", label: "last", show: (value) => <span title={elsewhere(String(value))}>{shown(String(value))}</span> },
          { name: "means", label: "what it means, and what to do", show: (_, row) => <>{reason(row).means} <span class="quiet">{reason(row).remedy}</span></> },
        ]}
      />
    </div>
  );
}

function Names({ answer }: { answer: Answer }) {
  const { data } = answer;
  const total = number(answer.meta.total["bytes"]);
  const told = (row: number) => NAME_REASONS[String(data["reason"]?.[row] ?? "")];
  return (
    <div class="block">
      <h2>Which names are missing, and why</h2>
      <Table
        data={{ ...data, share: data["bytes"] ?? [], means: data["reason"] ?? [] }}
        label="Bytes by reason"
        columns={[
          {
            name: "reason",
            label: "reason",
            show: (value) =>
              value ? (
                <button class="plain" title="Its flows" onClick={() => go({ page: "flows", q: [view.value.q, `reason=${String(value)}`].filter(Boolean).join(" "), rest: {} })}>
                  {String(value)}
                </button>
              ) : (
                "named"
              ),
          },
          { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
          { name: "share", label: "share", numeric: true, show: (value) => <Share of={total ? number(value) / total : 0} /> },
          { name: "flows", label: "flows", numeric: true, show: (value) => count(number(value)) },
          { name: "means", label: "what it means, and what to do", show: (_, row) => (told(row) ? <>{told(row)?.means} <span class="quiet">{told(row)?.remedy}</span></> : "Both ends have a name.") },
        ]}
      />
    </div>
  );
}

function Nodes({ status }: { status: Status }) {
  const versions = Object.entries(status.agents).sort(([, a], [, b]) => b - a);
  const tables = Object.entries(status.tables).sort(([, a], [, b]) => (a.oldest < b.oldest ? -1 : 1));
  const { silent, known, reporting } = status.nodes;
  return (
    <div class="two">
      <div>
        <h2>Silent nodes</h2>
        {known === reporting ? <p class="quiet">None.</p> : silent ? <ul class="plain-list">{silent.map((name) => <li>{name}</li>)}</ul> : <p class="quiet">{many(known - reporting, "node")}, outside of your scope.</p>}
        <h2>Versions</h2>
        <Table
          label="Versions"
          data={{ part: [...versions.map(([version]) => `agent ${version || "of no version"}`), "console"], nodes: [...versions.map(([, nodes]) => many(nodes, "node")), status.version ?? ""] }}
          columns={[
            { name: "part", label: "what" },
            { name: "nodes", label: "where" },
          ]}
        />
        {versions.length > 1 ? <p class="quiet">More than one version: an update is under way, or has stopped half-way.</p> : null}
      </div>
      <div>
        <h2>How far back the tables go</h2>
        <Table
          label="Oldest rows"
          data={{ table: tables.map(([name]) => name), oldest: tables.map(([, table]) => table.oldest), back: tables.map(([, table]) => length((Date.parse(status.now) - Date.parse(table.oldest)) / 1_000)) }}
          columns={[
            { name: "table", label: "table", show: (value) => <code>{String(value)}</code> },
            { name: "oldest", label: "oldest row", show: (value) => <span title={elsewhere(String(value))}>{shown(String(value))}</span> },
            { name: "back", label: "goes back" },
          ]}
        />
      </div>
    </div>
  );
}
