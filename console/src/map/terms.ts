/** Shapes of the map as terms of a filter. The kind of a shape stands before the colon of its key. */
export type Side = "client" | "server" | "either";

const FIELDS: Record<string, Record<Side, string>> = {
  w: { client: "client", server: "server", either: "workload" },
  p: { client: "client", server: "server", either: "workload" },
  g: { client: "client", server: "server", either: "workload" },
  n: { client: "client_namespace", server: "server_namespace", either: "namespace" },
  z: { client: "client_zone", server: "server_zone", either: "zone" },
};

export function quoted(text: string): string {
  return text !== "" && !/[\s()=!<>,"*\\]/.test(text) ? text : `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** The name in a key, as it is read. */
export const nameOf = (key: string): string => key.slice(key.indexOf(":") + 1).replace(/\/$/, "s") || "no name";

/** Empty where a shape cannot be said in a filter: the rest. */
export function term(key: string, side: Side): string {
  const kind = key.slice(0, key.indexOf(":"));
  const name = key.slice(key.indexOf(":") + 1);
  if (kind === "d") return `domain=${quoted(name)}`;
  if (kind === "u") return [side === "either" ? "" : `${side}=""`, name ? `reason=${name}` : ""].filter(Boolean).join(" ");
  if (key === "g:outside") return `${side === "client" ? "client" : "server"}="" domain!=""`;
  const field = FIELDS[kind]?.[side];
  if (!field) return "";
  return `${field}=${quoted(name)}${kind === "p" || kind === "g" ? "*" : ""}`;
}

/** The two shapes of an edge, which is selected as `from>to`; null: it is a shape. */
export function endsOf(selected: string): readonly [string, string] | null {
  const cut = /^(.*)>([a-z]:.*)$/s.exec(selected);
  return cut ? [cut[1] ?? "", cut[2] ?? ""] : null;
}

/** The filter of what is selected: a shape, or an edge. */
export function selection(selected: string): string {
  const ends = endsOf(selected);
  if (!ends) return term(selected, "either");
  const [from, to] = [term(ends[0], "client"), term(ends[1], "server")];
  return from && to ? `${from} ${to}` : "";
}

/** The shape of the map that a key is in: itself, or the group that it is folded into. Empty: none. */
export function standsIn(key: string, keys: ReadonlySet<string>): string {
  if (keys.has(key)) return key;
  const name = nameOf(key);
  const space = name.includes("/") ? name.slice(0, name.indexOf("/")) : "";
  const word = /^[^-_.]+/.exec(name)?.[0] ?? "";
  const groups = key.startsWith("d:") ? ["g:outside"] : [`n:${space}`, `g:${space}/`, `p:${word}`];
  return groups.find((one) => keys.has(one)) ?? "";
}
