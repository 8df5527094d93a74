/** Raw flows: which exactly, and which are coming in. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError, address, get, type Parameters } from "../api/client";
import { follow } from "../api/follow";
import type { Answer, Columns, Meta } from "../api/types";
import { CopyMenu } from "../parts/copy-menu";
import { Empty } from "../parts/empty";
import { FlowList } from "../parts/flow-list";
import { StateBox } from "../parts/state-box";
import { token } from "../state/access";
import { flowRows, merged, type FlowRow } from "../state/flow-rows";
import { count } from "../state/format";
import { load, type Loaded } from "../state/loaded";
import { paused } from "../state/status";
import { isLive, set, view } from "../state/view";

const PAGE = 300;
const HISTORY = 400;
const MOST = 5_000;

interface List {
  rows: FlowRow[];
  fresh: ReadonlySet<string>;
}

const NONE: List = { rows: [], fresh: new Set() };

export function FlowsPage() {
  const following = useComputed(() => isLive.value && !paused.value);
  const { rest } = view.value;
  return (
    <section class="page flows-page" aria-label="Flows">
      <div class="head">
        <h1>Flows</h1>
        <label>
          <input type="checkbox" checked={rest["view"] === "canonical"} onChange={(event) => set({ view: event.currentTarget.checked ? "canonical" : "" })} /> each byte once
        </label>
        <span class="quiet">{following.value ? "New flows come in at the top. Pause ( Space ) to look further back." : "The newest first; scroll for older ones."}</span>
      </div>
      {following.value ? <Coming /> : <Past />}
    </section>
  );
}

const asked = (): Parameters => {
  const { from, to, q, rest } = view.value;
  return { from, to, q, view: rest["view"] };
};

/** What comes, told by the server; before it what was. */
function Coming() {
  const list = useSignal<List>(NONE);
  const state = useSignal<Loaded<true>>({ value: null, error: null, busy: true, at: 0, since: Date.now() });
  useSignalEffect(() => {
    void token.value;
    const { from, q, view: counted } = asked();
    list.value = NONE;
    state.value = { value: null, error: null, busy: true, at: 0, since: Date.now() };
    let heard = false;
    return follow(
      address("live", { from, q, view: counted, limit: HISTORY }),
      ({ kind, data }) => {
        if (kind === "problem") state.value = { ...state.peek(), error: new ApiError(JSON.parse(data) as ApiError["problem"]) };
        else state.value = { value: true, error: null, busy: false, at: Date.now(), since: 0 };
        if (kind !== "flow") return;
        const rows = flowRows(JSON.parse(data) as Columns);
        const before = list.peek().rows;
        list.value = { rows: merged(rows, before, MOST), fresh: new Set(heard ? rows.map((row) => row.key) : []) };
        heard = true;
      },
      (error) => {
        if (error || state.peek().error) state.value = { ...state.peek(), error, busy: error === null };
      },
    );
  });
  const { rows, fresh } = list.value;
  return (
    <>
      <StateBox loaded={state.value} empty={rows.length ? null : <Empty />} />
      {rows.length ? <FlowList rows={rows} fresh={fresh} more={() => undefined} foot={`The newest ${count(rows.length)}. Pause ( Space ) to look further back.`} /> : null}
    </>
  );
}

/** A span that stands still, page by page. */
function Past() {
  const older = useSignal<{ rows: FlowRow[]; next: string | null; busy: boolean; error: ApiError | null } | null>(null);
  const loaded = useMemo(
    () =>
      load<Answer>(() => {
        const parameters = { ...asked(), limit: PAGE };
        return (signal) => get("flows", parameters, signal);
      }),
    [],
  );
  useEffect(() => loaded.stop, []);
  const newest = useComputed(() => flowRows(loaded.state.value.value?.data ?? {}));
  useSignalEffect(() => {
    const answer = loaded.state.value.value;
    older.value = answer ? { rows: [], next: answer.meta.next ?? null, busy: false, error: null } : null;
  });
  const { value: answer, busy } = loaded.state.value;
  const more = async (): Promise<void> => {
    const have = older.value;
    if (!answer || !have?.next || have.busy || busy) return;
    older.value = { ...have, busy: true, error: null };
    try {
      const { from, to } = answer.meta;
      const page = await get<Answer>("flows", { ...asked(), from, to, limit: PAGE, cursor: have.next });
      if (loaded.state.peek().value === answer) older.value = { rows: [...have.rows, ...flowRows(page.data)], next: page.meta.next ?? null, busy: false, error: null };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      older.value = { ...have, busy: false, error };
    }
  };
  const rows = useComputed(() => [...newest.value, ...(older.value?.rows ?? [])]);
  const empty = answer !== null && rows.value.length === 0;
  return (
    <>
      <StateBox loaded={loaded.state.value} empty={empty ? <Empty meta={answer.meta} /> : null} />
      {answer && !empty ? (
        <>
          <PastList rows={rows.value} meta={answer.meta} older={older.value} more={() => void more()} busy={busy} />
        </>
      ) : null}
    </>
  );
}

interface PastProps {
  rows: FlowRow[];
  meta: Meta;
  older: { next: string | null; busy: boolean; error: ApiError | null } | null;
  more: () => void;
  busy: boolean;
}

const STILL: ReadonlySet<string> = new Set();

function PastList({ rows, meta, older, more, busy }: PastProps) {
  const foot = older?.error ? (
    <>
      {older.error.problem.detail} <button onClick={more}>Ask again</button>
    </>
  ) : older?.next ? (
    <>
      {count(rows.length)} flows so far. {older.busy ? "Asking for older ones …" : <button onClick={more}>Older flows</button>}
    </>
  ) : (
    `These are all: ${count(rows.length)} flows.`
  );
  return (
    <div class={`flow-past${busy ? " busy" : ""}`}>
      <div class="flow-copy">
        <CopyMenu path="flows" parameters={{ ...asked(), limit: PAGE }} sql={meta.sql} />
      </div>
      <FlowList rows={rows} fresh={STILL} more={more} foot={foot} />
    </div>
  );
}
