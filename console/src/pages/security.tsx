/** What is strange: findings of the detector, those that are open first. */
import { get } from "../api/client";
import type { Answered } from "../api/answers";
import type { Columns } from "../api/types";
import { CopyMenu } from "../parts/copy-menu";
import { FindingCard } from "../parts/finding-card";
import { Longer } from "../parts/longer";
import { StateBox } from "../parts/state-box";
import { rowsOf, textAt } from "../state/columns";
import { count } from "../state/format";
import { SECURITY, kindOf } from "../state/kinds";
import { useLoaded } from "../state/loaded";
import { minute, paused } from "../state/status";
import { isLive, set, spanned, view } from "../state/view";

const LIMIT = 200;
const GRAVITY = ["info", "warning", "critical"];
const STATES = { all: "open and closed", open: "open", closed: "closed" } as const;

export function SecurityPage() {
  const { from, to, q, rest } = view.value;
  const state = rest["state"] && rest["state"] in STATES ? rest["state"] : "all";
  const wanted = rest["kind"] ?? "";
  const kind = wanted === "every" ? undefined : SECURITY.includes(wanted) ? wanted : SECURITY.join(",");
  const loaded = useLoaded<Answered<Columns>>(() => {
    void (isLive.value && !paused.value && minute.value);
    const { from, to, q } = spanned.value;
    return (signal) => get("findings", { from, to, q, state, kind, limit: LIMIT }, signal);
  }, `${state} ${kind}`);
  const data = (loaded.value?.data ?? {}) as Columns;
  const rows = Array.from({ length: rowsOf(data) }, (_, row) => row);
  const grave = (row: number): number => GRAVITY.indexOf(textAt(data, "severity", row));
  const newest = (a: number, b: number): number => textAt(data, "last_seen", b).localeCompare(textAt(data, "last_seen", a));
  rows.sort((a, b) => grave(b) - grave(a) || newest(a, b));
  const open = rows.filter((row) => textAt(data, "state", row) === "open");
  const closed = rows.filter((row) => textAt(data, "state", row) !== "open").sort(newest);
  return (
    <section class="page security-page" aria-label="Security">
      <div class="head">
        <h1>What is strange?</h1>
        <select aria-label="Kind" value={wanted} onChange={(event) => set({ kind: event.currentTarget.value })}>
          <option value="">all of security</option>
          {SECURITY.map((name) => (
            <option value={name}>{kindOf(name).label}</option>
          ))}
          <option value="every">health, too</option>
        </select>
        <select aria-label="State" value={state} onChange={(event) => set({ state: event.currentTarget.value === "all" ? "" : event.currentTarget.value })}>
          {Object.entries(STATES).map(([name, label]) => (
            <option value={name}>{label}</option>
          ))}
        </select>
        <Longer least={6 * 3_600} />
        {loaded.value ? (
          <CopyMenu path="findings" parameters={{ from, to, q, state, kind, limit: LIMIT }} sql={loaded.value.meta?.sql ?? ""} command="weir findings" />
        ) : null}
      </div>
      <StateBox loaded={loaded} empty={null} />
      {loaded.value && !data["kind"] ? <p class="quiet">Not known: this console has no answer about findings.</p> : null}
      {data["kind"] && !rows.length ? <Nothing /> : null}
      {open.length ? <List title={`Open now: ${count(open.length)}`} rows={open} data={data} /> : rows.length && state !== "closed" ? <p class="card fine">✓ Nothing is open.</p> : null}
      {closed.length ? <List title={`Closed: ${count(closed.length)}`} rows={closed} data={data} /> : null}
      {rows.length >= LIMIT ? <p class="quiet">These are {LIMIT}; a shorter span, a kind or a filter shows others.</p> : null}
    </section>
  );
}

function Nothing() {
  return (
    <div class="card">
      <h2>Nothing was found in this span</h2>
      <p>
        Findings are made by <code>weir detector</code> as windows close; in its first days it learns. Where no detector runs nothing is found, and what does not come from a workload with an agent, or
        go to one, is not seen.
      </p>
    </div>
  );
}

function List({ title, rows, data }: { title: string; rows: readonly number[]; data: Columns }) {
  return (
    <div class="block">
      <h2>{title}</h2>
      <ul class="findings">
        {rows.map((row) => (
          <li key={textAt(data, "id", row) || row}>
            <FindingCard data={data} row={row} />
          </li>
        ))}
      </ul>
    </div>
  );
}
