/** Nothing to show: because nothing is there yet, because nothing is of that time, or because of a term of the filter, which is named. */
import { get } from "../api/client";
import type { Answer, Meta, Parsed } from "../api/types";
import { number } from "../state/format";
import { useLoaded } from "../state/loaded";
import { pulse } from "../state/status";
import { without } from "../state/terms";
import { seconds, shown } from "../state/time";
import { go, view } from "../state/view";

export function Empty({ meta }: { meta?: Meta | null }) {
  const { status } = pulse.value;
  const { q, from, to } = view.value;
  const whole = useLoaded<Answer>(() => (q ? (signal) => get("edges", { from, to, by: "protocol", metrics: "bytes,flows" }, signal) : null), JSON.stringify([q, from, to]));
  const own = useLoaded<Answer>(() => (q && !meta?.excluded ? (signal) => get("edges", { from, to, q, by: "protocol", metrics: "bytes", limit: 1 }, signal) : null), JSON.stringify([q, from, to, meta?.excluded]));
  if (status && !status.newest) return <NothingYet />;
  if (q && !whole.value && !whole.error) return null;
  if (q && number(whole.value?.meta.total["flows"]) > 0) return <NothingMatches excluded={meta?.excluded ?? own.value?.meta.excluded ?? []} />;
  return <NothingThen />;
}

function NothingYet() {
  return (
    <div class="state">
      <h2>No flow has arrived yet</h2>
      <p>This page fills by itself as soon as the first window is in the tables.</p>
      <ol class="todo">
        <li>
          On each node: <code>weir agent</code>
        </li>
        <li>
          Once, or more often: <code>weir worker</code>
        </li>
        <li>
          If nothing comes: <code>weir doctor</code> says which part is not fit, and what to do
        </li>
      </ol>
      <p class="quiet">
        To look around first: <code>weir demo</code> makes its own traffic.
      </p>
    </div>
  );
}

function NothingMatches({ excluded }: { excluded: readonly string[] }) {
  const remove = async (term: string): Promise<void> => {
    const q = view.value.q;
    const { data } = await get<{ data: Parsed }>("parse", { q });
    const found = data.terms?.find((one) => one.text === term);
    go({ q: found && data.terms ? without(q, data.terms, found) : q.replace(term, "").trim() });
  };
  return (
    <div class="state">
      <h2>Nothing matches the filter</h2>
      {excluded.length ? (
        <>
          <p>
            There is traffic in this span. {excluded.length === 1 ? "This term excludes all of it" : "Each of these terms excludes all of it"}:
          </p>
          <p class="row">
            {excluded.map((term) => (
              <button onClick={() => void remove(term)}>
                Remove <code>{term}</code>
              </button>
            ))}
          </p>
        </>
      ) : (
        <p>There is traffic in this span, and none of it fits all terms together.</p>
      )}
      <p>
        <button onClick={() => go({ q: "" })}>Remove the whole filter</button>
      </p>
    </div>
  );
}

function NothingThen() {
  const { status } = pulse.value;
  const { from, to } = view.value;
  const now = status ? Date.parse(status.now) / 1_000 : Date.now() / 1_000;
  const end = seconds(to, now) ?? now;
  const oldest = Math.min(...Object.values(status?.tables ?? {}).map((table) => Date.parse(table.oldest) / 1_000));
  const newest = status?.newest ? Date.parse(status.newest) / 1_000 : null;
  const begin = seconds(from, now) ?? end - 900;
  const why =
    Number.isFinite(oldest) && end <= oldest
      ? `The oldest rows are of ${shown(new Date(oldest * 1_000).toISOString())}: what was before is beyond what the tables keep, or was never counted.`
      : newest !== null && begin >= newest
        ? `The newest flows are of ${shown(status?.newest ?? null)}: agents or workers have told of nothing since. Ask weir doctor there.`
        : `The tables have flows from before and after; none of this span.`;
  return (
    <div class="state">
      <h2>No flow in this span</h2>
      <p>{why}</p>
      <p class="row">
        <button onClick={() => go({ from: "now-15m", to: "now" })}>Last 15 minutes</button>
        {newest !== null && begin >= newest ? (
          <button onClick={() => go({ from: new Date((newest - 900) * 1_000).toISOString(), to: new Date(newest * 1_000).toISOString() })}>The last that there is</button>
        ) : null}
      </p>
    </div>
  );
}
