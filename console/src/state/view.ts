/** What is looked at: all of it stands in the page's address, under the API's own names. */
import { computed, signal } from "@preact/signals";

export const PAGES = ["map", "health", "security", "cost", "path", "segments", "explore", "flows", "address", "truth", "views", "workload"] as const;
export type Page = (typeof PAGES)[number];

export interface View {
  page: Page;
  from: string;
  to: string;
  q: string;
  /** Every other parameter, by name. */
  rest: Record<string, string>;
}

const DEFAULT: View = { page: "map", from: "now-15m", to: "now", q: "", rest: {} };

export function read(location: { pathname: string; search: string }, base: string): View {
  const path = location.pathname.startsWith(base) ? location.pathname.slice(base.length) : location.pathname.slice(1);
  const name = path.split("/")[0] ?? "";
  const page = PAGES.find((one) => one === name) ?? DEFAULT.page;
  const query = new URLSearchParams(location.search);
  const rest: Record<string, string> = {};
  for (const [key, value] of query) if (!["from", "to", "q"].includes(key)) rest[key] = value;
  return {
    page,
    from: query.get("from") ?? DEFAULT.from,
    to: query.get("to") ?? DEFAULT.to,
    q: query.get("q") ?? DEFAULT.q,
    rest,
  };
}

export function write(view: View): string {
  const query = new URLSearchParams();
  if (view.from !== DEFAULT.from || view.to !== DEFAULT.to) {
    query.set("from", view.from);
    query.set("to", view.to);
  }
  if (view.q) query.set("q", view.q);
  for (const [key, value] of Object.entries(view.rest)) if (value) query.set(key, value);
  const text = query.toString();
  return view.page + (text ? `?${text}` : "");
}

const base = new URL(document.baseURI).pathname;
export const view = signal<View>(read(location, base));
export const page = computed(() => view.value.page);
const asked = computed(() => JSON.stringify({ from: view.value.from, to: view.value.to, q: view.value.q }));
/** The span and the filter. It changes when one of them does, and not when something else is selected. */
export const spanned = computed(() => JSON.parse(asked.value) as Pick<View, "from" | "to" | "q">);
export const isLive = computed(() => view.value.to === "now");

addEventListener("popstate", () => {
  view.value = read(location, base);
});

/** Goes to another view. `replace`: Back does not return to the one before. */
export function go(change: Partial<View>, replace = false): void {
  const next = { ...view.value, ...change };
  const target = write(next);
  if (replace) history.replaceState(null, "", target);
  else if (target !== write(view.value)) history.pushState(null, "", target);
  view.value = next;
}

/** Goes to an address of the console's own, as `write` gives them. */
export function open(address: string): void {
  const [path = "", query = ""] = address.split("?");
  go(read({ pathname: base + path, search: query }, base));
}

/** Changes parameters of this page; an empty one is removed. */
export function set(change: Record<string, string>, replace = false): void {
  const rest = { ...view.value.rest };
  for (const [name, value] of Object.entries(change)) {
    if (value) rest[name] = value;
    else delete rest[name];
  }
  go({ rest }, replace);
}
