/** What was saved, shared, or pinned to a time. */
import { useSignal } from "@preact/signals";
import { ApiError, get, send } from "../api/client";
import { StateBox } from "../parts/state-box";
import { me } from "../state/access";
import { useLoaded } from "../state/loaded";
import { now } from "../state/status";
import { instant, seconds, shown } from "../state/time";
import { go, open, view, write } from "../state/view";

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

/** Questions that most people begin with: a sentence, and the page that answers it. */
const BEGINNINGS: readonly { name: string; address: string }[] = [
  { name: "What is worse than usual?", address: "health?from=now-1h&to=now" },
  { name: "What is strange?", address: "security?from=now-7d&to=now" },
  { name: "What does a day's transfer cost?", address: "cost?from=now-24h&to=now" },
  { name: "What is failing now?", address: "map?only=wrong" },
  { name: "What is new since yesterday?", address: "map?from=now-1h&to=now&compare=-1d" },
  { name: "Who fails, over six hours", address: "explore?from=now-6h&to=now&by=client,server&metric=connections_failed&shape=lines" },
  { name: "Which calls cross zones?", address: "explore?from=now-24h&to=now&by=client_zone,server_zone&shape=matrix" },
  { name: "Who calls outside?", address: "explore?from=now-24h&to=now&q=reason%3Dexternal&by=client,domain&shape=sankey" },
  { name: "Which servers are slow?", address: "explore?from=now-1h&to=now&by=server&metric=rtt_us_p95&shape=lines" },
];

export function ViewsPage() {
  const again = useSignal(0);
  const loaded = useLoaded<{ data: { views: Saved[] } }>(() => {
    void again.value;
    return (signal) => get("views", {}, signal);
  });
  const views = loaded.value?.data.views ?? [];
  const remove = async (one: Saved): Promise<void> => {
    await send("DELETE", `views/${one.id}`).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
    });
    again.value += 1;
  };
  return (
    <section class="page" aria-label="Views">
      <h1>Saved views</h1>
      <Save done={() => (again.value += 1)} />
      <StateBox loaded={loaded} empty={null} />
      {views.length ? (
        <ul class="views">
          {views.map((one) => (
            <li class="card">
              <Link address={one.address} name={one.name} />
              {one.own ? (
                <button class="plain" aria-label={`Remove ${one.name}`} title="Remove" onClick={() => void remove(one)}>
                  ×
                </button>
              ) : (
                <span />
              )}
              <small>{said(one.address)}</small>
              <small>
                {one.own ? "yours" : one.owner}, {shown(one.saved)} {one.shared ? <span class="tag">shared</span> : null} {pinned(one.address) ? <span class="tag">pinned to a time</span> : null}
              </small>
            </li>
          ))}
        </ul>
      ) : loaded.value ? (
        <p class="quiet">None yet.</p>
      ) : null}
      <h2>To begin with</h2>
      <ul class="views">
        {BEGINNINGS.map((one) => (
          <li class="card">
            <Link {...one} />
            <span />
            <small>{said(one.address)}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Link({ address, name }: { address: string; name: string }) {
  return (
    <a
      href={address}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        open(address);
      }}
    >
      {name}
    </a>
  );
}

function Save({ done }: { done: () => void }) {
  const name = useSignal("");
  const shared = useSignal(false);
  const fixed = useSignal(false);
  const told = useSignal("");
  const save = async (): Promise<void> => {
    try {
      await send("POST", "views", { name: name.value.trim(), address: fixed.value ? pin(last) : last, shared: shared.value });
      told.value = `“${name.value.trim()}” is saved.`;
      name.value = "";
      done();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      told.value = error.problem.detail;
    }
  };
  return (
    <form
      class="card"
      aria-label="Save a view"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div class="row">
        <input aria-label="Name" placeholder="A name for the view you came from" value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
        <label>
          <input type="checkbox" checked={fixed.value} onChange={(event) => (fixed.value = event.currentTarget.checked)} /> pinned to its time
        </label>
        <label>
          <input type="checkbox" checked={shared.value} onChange={(event) => (shared.value = event.currentTarget.checked)} /> {me.value?.groups.length ? `for ${me.value.groups.join(", ")}` : "for all who use this console"}
        </label>
        <button disabled={!name.value.trim()}>Save</button>
        <output>{told.value}</output>
      </div>
      <small>
        The view you came from: {said(last)}. <button class="plain link" type="button" onClick={() => open(last)}>Back to it</button>
        <button class="plain link" type="button" onClick={() => go({ page: "map", rest: {} })}>To the map</button>
      </small>
    </form>
  );
}

/** The same address with instants in place of `now`. */
function pin(address: string): string {
  const [path, query] = address.split("?");
  const parameters = new URLSearchParams(query ?? "");
  const at = now();
  const to = seconds(parameters.get("to") ?? "now", at) ?? at;
  parameters.set("from", instant(seconds(parameters.get("from") ?? "now-15m", at) ?? to - 900));
  parameters.set("to", instant(to));
  return `${path}?${parameters.toString()}`;
}

const pinned = (address: string): boolean => {
  const to = new URLSearchParams(address.split("?")[1] ?? "").get("to");
  return to !== null && !to.startsWith("now");
};

/** An address in words: explore, from now-6h to now, by client. */
function said(address: string): string {
  const [path, query] = address.split("?");
  const parameters = [...new URLSearchParams(query ?? "")].map(([name, value]) => (name === "q" ? value : `${name} ${value}`));
  return [path, ...parameters].join(", ");
}
