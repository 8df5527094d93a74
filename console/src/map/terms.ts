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

/** The filter of what is selected: a shape, or an edge as `from>to`. */
export function selection(selected: string, keys: ReadonlySet<string>): string {
  if (keys.has(selected)) return term(selected, "either");
  for (let at = selected.indexOf(">"); at >= 0; at = selected.indexOf(">", at + 1)) {
    const from = selected.slice(0, at);
    const to = selected.slice(at + 1);
    if (keys.has(from) && keys.has(to)) return [term(from, "client"), term(to, "server")].filter(Boolean).join(" ");
  }
  return "";
}
