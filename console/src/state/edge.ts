/** An edge of an answer's row: in words, as what is selected on the map, and as a filter. */
import type { Columns } from "../api/types";
import { quoted } from "../map/terms";
import { textAt } from "./columns";
import type { View } from "./view";

export interface Edge {
  client: string;
  server: string;
  protocol: string;
  /** 0: none, or not known. */
  port: number;
}

export const edgeAt = (data: Columns, row: number): Edge => ({
  client: textAt(data, "client", row),
  server: textAt(data, "server", row),
  protocol: textAt(data, "protocol", row),
  port: Number(textAt(data, "service_port", row)) || 0,
});

export const isAddress = (name: string): boolean => /^(\d+\.){3}\d+(\/\d+)?$|^[0-9a-f]*:[0-9a-f:.]*(\/\d+)?$/i.test(name);

/** A name that an outside end was asked for by. */
const isDomain = (name: string): boolean => /^[^/]+\.[a-z]{2,}$/i.test(name);

/** A side of it as a term: an end that is outside goes by its address or its domain. */
function side(name: string, field: "client" | "server"): string {
  if (isAddress(name)) return `${field}_ip in (${name})`;
  return field === "server" && isDomain(name) ? `(server=${quoted(name)} or domain=${quoted(name)})` : `${field}=${quoted(name)}`;
}

export function filterOf({ client, server, port }: Edge): string {
  return [client ? side(client, "client") : "", server ? side(server, "server") : "", port ? `port=${port}` : ""].filter(Boolean).join(" ");
}

/** The map with the edge selected; one end alone where the other has no name. */
export function onMap({ client, server }: Edge): Partial<View> {
  const end = isDomain(server) ? `d:${server}` : `w:${server}`;
  const key = client && server ? `w:${client}>${end}` : client ? `w:${client}` : end;
  return { page: "map", rest: { sel: key } };
}

/** The page that says whether it gets there. */
export const pathOf = ({ client, server, protocol, port }: Edge): Partial<View> => ({
  page: "path",
  rest: { client, server, ...(port ? { port: String(port) } : {}), ...(protocol && protocol !== "tcp" ? { protocol } : {}) },
});
