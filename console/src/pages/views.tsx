/** What was saved, shared, or pinned to a time. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError, get, send } from "../api/client";
import { load } from "../state/loaded";
import { now } from "../state/status";
import { instant, seconds, shown } from "../state/time";
import { go, view, write } from "../state/view";

interface Saved {
  id: number;
  name: string;
  address: string;
  owner: string;
  shared: boolean;
  saved: string;
  own: boolean;
}

/** The page that was looked at before this one: what is saved. */
let last = "map";
export function remember(): void {
  if (view.value.page !== "views") last = write(view.value);
}

export function ViewsPage() {
  const name = useSignal("");
  const shared = useSignal(false);
  const pinned = useSignal(false);
  const said = useSignal("");
  const again = useSignal(0);
  const loaded = useMemo(
    () =>
      load<{ data: { views: Saved[] } }>(() => {
        void again.value;
        return (signal) => get("views", {}, signal);
      }),
    [],
  );
  useEffect(() => loaded.stop, []);
  const act = async (work: () => Promise<unknown>, done: string): Promise<void> => {
    try {
      await work();
      said.value = done;
      again.value += 1;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      said.value = error.problem.detail;
    }
  };
  const views = loaded.state.value.value?.data.views ?? [];
  return (
    <section class="page" aria-label="Views">
      <h1>Saved views</h1>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          const address = pinned.value ? pin(last) : last;
          void act(() => send("POST", "views", { name: name.value, address, shared: shared.value }), `${name.value} is saved.`);
        }}
      >
        <input aria-label="Name" placeholder="A name for the view you came from" value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
        <label>
          <input type="checkbox" checked={pinned.value} onChange={(event) => (pinned.value = event.currentTarget.checked)} /> at this time
        </label>
        <label>
          <input type="checkbox" checked={shared.value} onChange={(event) => (shared.value = event.currentTarget.checked)} /> for my group
        </label>
        <button disabled={!name.value.trim()}>save</button>
        <output>{said.value}</output>
      </form>
      <p class="quiet">
        It saves <code>{last}</code>
      </p>
      {views.length ? (
        <ul class="views">
          {views.map((one) => (
            <li>
              <a
                href={one.address}
                onClick={(event) => {
                  event.preventDefault();
                  history.pushState(null, "", one.address);
                  dispatchEvent(new PopStateEvent("popstate"));
                }}
              >
                {one.name}
              </a>
              <small>
                {one.owner || "saved here"}, {shown(one.saved)}
                {one.shared ? ", shared" : ""}
              </small>
              {one.own ? (
                <button aria-label={`Remove ${one.name}`} onClick={() => void act(() => send("DELETE", `views/${one.id}`), `${one.name} is removed.`)}>
                  remove
                </button>
              ) : null}
            </li>
          ))}
        </ul>
      ) : (
        <p class="quiet">None yet. Look at something, come back here, and give it a name. <button onClick={() => go({ page: "map", rest: {} })}>to the map</button></p>
      )}
    </section>
  );
}

/** The same address with instants in place of `now`. */
function pin(address: string): string {
  const [path, query] = address.split("?");
  const parameters = new URLSearchParams(query ?? "");
  const at = now();
  parameters.set("from", instant(seconds(parameters.get("from") ?? "now-15m", at) ?? at - 900));
  parameters.set("to", instant(seconds(parameters.get("to") ?? "now", at) ?? at));
  return `${path}?${parameters.toString()}`;
}
