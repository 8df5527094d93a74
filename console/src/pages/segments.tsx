/** What may talk to what: roles from who talks to whom, policies from them, and what these would cut. */
import { useSignal } from "@preact/signals";
import { get } from "../api/client";
import type { Answered, Segments } from "../api/answers";
import type { Columns } from "../api/types";
import { Matrix } from "../charts/matrix";
import { CopyMenu } from "../parts/copy-menu";
import { PolicyText } from "../parts/policy-text";
import { Longer } from "../parts/longer";
import { StateBox } from "../parts/state-box";
import { Table } from "../parts/table";
import { numberAt, rowsOf, taken, textAt } from "../state/columns";
import { bytes, count, many, number, percent } from "../state/format";
import { useLoaded } from "../state/loaded";
import { now } from "../state/status";
import { elsewhere, instant, shown, spanOf } from "../state/time";
import { go, set, spanned, view } from "../state/view";

const POLICIES = { none: "none", kubernetes: "NetworkPolicy", cilium: "CiliumNetworkPolicy", calico: "Calico" } as const;
const MEMBERS = 6;
/** Roles of the matrix, rows of a table: more is not read; a filter makes them fewer. */
const DRAWN = 20;
const LISTED = 40;

export function SegmentsPage() {
  const { from, to, q, rest } = view.value;
  const policy = rest["policy"] && rest["policy"] in POLICIES ? rest["policy"] : "none";
  // Not asked again by itself: roles are of days, and a matrix that changes under the eyes is not read.
  const loaded = useLoaded<Answered<Segments>>(() => {
    const { from, to, q } = spanned.value;
    return (signal) => get("segments", { from, to, q, policy, check_from: rest["check"] ? checkFrom(from, to) : undefined }, signal);
  }, `${policy} ${rest["check"] ?? ""}`);
  const segments = loaded.value?.data;
  const check = rest["check"] ? checkFrom(from, to) : undefined;
  return (
    <section class="page segments-page" aria-label="Segments">
      <div class="head">
        <h1>What may talk to what?</h1>
        <label class="quiet">
          as policy{" "}
          <select value={policy} onChange={(event) => set({ policy: event.currentTarget.value === "none" ? "" : event.currentTarget.value })}>
            {Object.entries(POLICIES).map(([name, label]) => (
              <option value={name}>{label}</option>
            ))}
          </select>
        </label>
        <label class="quiet">
          checked with{" "}
          <select value={rest["check"] ? "rest" : ""} onChange={(event) => set({ check: event.currentTarget.value })}>
            <option value="">what was learned</option>
            <option value="rest">the last quarter, learned from the rest</option>
          </select>
        </label>
        <Longer least={86_400} />
        {loaded.value ? <CopyMenu path="segments" parameters={{ from, to, q, policy, check_from: check }} sql={loaded.value.meta?.sql ?? ""} command={["weir segments", policy === "none" ? "" : `--policy ${policy}`, check ? `--check-from ${check}` : ""].filter(Boolean).join(" ")} csv={false} /> : null}
      </div>
      <StateBox loaded={loaded} empty={null} />
      {segments && !segments.roles ? <p class="quiet">Not known: this console has no answer about segments.</p> : null}
      {segments?.needs?.length ? <Needs needs={segments.needs} /> : null}
      {segments?.roles ? <Found segments={segments} policy={policy} /> : null}
    </section>
  );
}

/** Where the last quarter of a span begins. */
function checkFrom(from: string, to: string): string {
  const span = spanOf({ from, to }, now());
  return instant(Math.floor((span.from + (3 * (span.to - span.from)) / 4) / 60) * 60);
}

function Found({ segments, policy }: { segments: Partial<Segments>; policy: string }) {
  const { roles = {}, edges = {}, cut = {}, policies } = segments;
  if (!rowsOf(roles)) return <p class="quiet">No roles: no workload talks to another in this span.</p>;
  return (
    <>
      <Roles data={roles} />
      <Talk roles={roles} edges={edges} />
      {segments.cut ? <Cut data={cut} checked={segments.checked} /> : null}
      {policy === "none" ? null : policies ? <PolicyText text={policies} kind={policy} /> : <p class="quiet">There is no policy text: what is needed for it stands above.</p>}
    </>
  );
}

function Needs({ needs }: { needs: readonly string[] }) {
  const all = useSignal(false);
  return (
    <div class="card warned">
      <h2>⚠ Before a policy can be used</h2>
      <ul>{(all.value ? needs : needs.slice(0, MEMBERS)).map((need) => <li>{need}</li>)}</ul>
      {needs.length > MEMBERS ? <p><button onClick={() => (all.value = !all.value)}>{all.value ? "fewer" : `all ${needs.length}`}</button></p> : null}
    </div>
  );
}

function Roles({ data }: { data: Columns }) {
  const all = useSignal(false);
  const order = Array.from({ length: rowsOf(data) }, (_, row) => row).sort((a, b) => members(data, b).length - members(data, a).length || a - b);
  const shown = taken(data, all.value ? order : order.slice(0, LISTED));
  const unsure = (data["sure"] ?? []).filter((sure) => sure === false).length;
  return (
    <div class="block">
      <h2>{many(order.length, "role")}</h2>
      <p class="quiet">
        Workloads that call, and are called by, the same ones have one role.
        {unsure ? ` ${many(unsure, "role is", "roles are")} not sure: where what was seen does not hold workloads together, each stays alone.` : ""}
      </p>
      <Table
        label="Roles"
        data={{ ...shown, size: (shown["role"] ?? []).map((_, row) => members(shown, row).length) }}
        columns={[
          { name: "label", label: "role", show: (value, row) => <b class="tight">{String(value ?? "") || textAt(shown, "role", row)}</b> },
          { name: "size", label: "workloads", numeric: true },
          {
            name: "confidence",
            label: "confidence",
            numeric: true,
            show: (value, row) => (
              <span class={shown["sure"]?.[row] === false ? "warn" : ""}>
                {shown["sure"]?.[row] === false ? "? " : shown["sure"]?.[row] === true ? "✓ " : ""}
                {value === null ? "not known" : percent(number(value))}
              </span>
            ),
          },
          { name: "members", label: "members", show: (_, row) => <Members key={textAt(shown, "role", row)} names={members(shown, row)} /> },
        ]}
      />
      {order.length > LISTED ? <p><button onClick={() => (all.value = !all.value)}>{all.value ? "fewer" : `all ${order.length} roles`}</button></p> : null}
    </div>
  );
}

function members(data: Columns, row: number): string[] {
  const found = data["members"]?.[row];
  return Array.isArray(found) ? found.map(String) : [];
}

function Members({ names }: { names: readonly string[] }) {
  const all = useSignal(false);
  return (
    <span class="members">
      {(all.value ? names : names.slice(0, MEMBERS)).map((name) => (
        <button class="plain" onClick={() => go({ page: "workload", rest: { name } })}>{name}</button>
      ))}
      {names.length > MEMBERS ? <button class="plain quiet" onClick={() => (all.value = !all.value)}>{all.value ? "fewer" : `and ${names.length - MEMBERS} more`}</button> : null}
    </span>
  );
}

/** Roles against roles; those that talk little are one, so that the sum is the whole. A cell may stand for several ports: a click lists them. */
function Talk({ roles, edges }: { roles: Columns; edges: Columns }) {
  const names = namesOf(roles);
  const rows = Array.from({ length: rowsOf(edges) }, (_, row) => row);
  const connections = (row: number): number => Math.max(1, numberAt(edges, "connections", row) ?? 0);
  const end = (side: "from" | "to", row: number): string => names.get(textAt(edges, side, row)) ?? textAt(edges, side, row);
  const large = largest(rows.flatMap((row) => [[end("from", row), connections(row)], [end("to", row), connections(row)]]));
  const drawn = (side: "from" | "to", row: number): string => (large.has(end(side, row)) ? end(side, row) : OTHERS);
  const cells = new Map<string, { from: string; to: string; sum: number; rows: number[] }>();
  for (const row of rows) {
    const [from, to] = [drawn("from", row), drawn("to", row)];
    const cell = cells.get(`${from}>${to}`) ?? { from, to, sum: 0, rows: [] };
    cells.set(`${from}>${to}`, { ...cell, sum: cell.sum + connections(row), rows: [...cell.rows, row] });
  }
  const all = [...cells.values()];
  const chosen = cells.get(view.value.rest["pair"] ?? "");
  return (
    <div class="block">
      <h2>Who talks to whom</h2>
      {all.length ? (
        <Matrix
          data={{ client: all.map((one) => one.from), server: all.map((one) => one.to), connections: all.map((one) => one.sum) }}
          dimensions={["client", "server"]}
          metric="connections"
          show={count}
          pick={([from, to]) => set({ pair: `${from}>${to}` }, true)}
        />
      ) : (
        <p class="quiet">No role talks to another.</p>
      )}
      {chosen ? <Between edges={edges} rows={chosen.rows} end={end} title={`${chosen.from} → ${chosen.to}`} /> : <p class="quiet">The number is connections; a click lists the ports of a cell.</p>}
    </div>
  );
}

const OTHERS = "all others";

/** By role; two roles of one label are told apart. */
function namesOf(roles: Columns): Map<string, string> {
  const labels = (roles["role"] ?? []).map((role, row) => textAt(roles, "label", row) || String(role));
  const twice = new Set(labels.filter((label, at) => labels.indexOf(label) !== at));
  return new Map((roles["role"] ?? []).map((role, row) => [String(role), twice.has(labels[row] ?? "") ? `${labels[row]} (${String(role)})` : (labels[row] ?? "")]));
}

/** The names with the largest sums. */
function largest(parts: readonly (readonly [string, number])[]): Set<string> {
  const sums = new Map<string, number>();
  for (const [name, value] of parts) sums.set(name, (sums.get(name) ?? 0) + value);
  return new Set([...sums].sort((a, b) => b[1] - a[1]).slice(0, DRAWN).map(([name]) => name));
}

interface BetweenProps {
  edges: Columns;
  rows: readonly number[];
  end: (side: "from" | "to", row: number) => string;
  title: string;
}

function Between({ edges, rows, end, title }: BetweenProps) {
  const shown = rows.slice(0, LISTED);
  const data = { ...taken(edges, shown), from: shown.map((row) => end("from", row)), to: shown.map((row) => end("to", row)) };
  return (
    <>
      <h3>{title}</h3>
      <Table
        label="Between these roles"
        data={data}
        columns={[
          { name: "from", label: "client" },
          { name: "to", label: "server" },
          { name: "protocol", label: "protocol" },
          { name: "service_port", label: "port", numeric: true },
          { name: "connections", label: "connections", numeric: true, show: (value) => count(number(value)) },
          { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
          { name: "first_seen", label: "first seen", show: time },
          { name: "last_seen", label: "last seen", show: time },
        ]}
      />
      {rows.length > LISTED ? <p class="quiet">and {count(rows.length - LISTED)} more</p> : null}
    </>
  );
}

const time = (value: unknown) => <span class="tight" title={elsewhere(value ? String(value) : null)}>{shown(value ? String(value) : null, false)}</span>;

function Cut({ data, checked }: { data: Columns; checked: number | undefined }) {
  if (!rowsOf(data)) return <p class="card fine">✓ {checked ? `None of ${many(checked, "call")} that were put to the policies would be cut.` : "No call was put to the policies."}</p>;
  return (
    <div class="block">
      <h2 class="warn">⚠ What would be cut: {many(rowsOf(data), "call")}</h2>
      <p class="quiet">{checked ? `Of ${count(checked)} that were put to the policies. ` : ""}No rule allows them: each is a rule that is missing, or a call that should not be.</p>
      <Table
        label="What would be cut"
        data={data}
        columns={[
          { name: "client", label: "client", show: (value) => String(value ?? "") || <i>no name</i> },
          { name: "server", label: "server", show: (value) => String(value ?? "") || <i>no name</i> },
          { name: "protocol", label: "protocol" },
          { name: "service_port", label: "port", numeric: true },
          { name: "connections", label: "connections", numeric: true, show: (value) => count(number(value)) },
          { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
          { name: "last_seen", label: "last seen", show: time },
        ]}
      />
    </div>
  );
}
