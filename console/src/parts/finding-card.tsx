/** One finding: what, of whom, since when, on what it rests, and where to look on. */
import type { Columns } from "../api/types";
import { numberAt, textAt } from "../state/columns";
import { filterOf, isAddress, onMap, type Edge } from "../state/edge";
import { count } from "../state/format";
import { evidenceOf } from "../state/evidence";
import { kindOf } from "../state/kinds";
import { elsewhere, instant, length, shown } from "../state/time";
import { go } from "../state/view";
import { quoted } from "../map/terms";
import { SeveritySign } from "./severity-sign";

const AROUND_S = 60;

export function FindingCard({ data, row }: { data: Columns; row: number }) {
  const text = (name: string): string => textAt(data, name, row);
  const { label, means } = kindOf(text("kind"));
  const [subject, peer, sentence] = [text("subject"), text("peer"), text("sentence")];
  const port = numberAt(data, "service_port", row) ?? 0;
  const edge: Edge = { client: subject, server: peer, protocol: "tcp", port };
  const [first, last] = [Date.parse(text("first_seen")) / 1_000, Date.parse(text("last_seen")) / 1_000];
  const span = Number.isNaN(first) || Number.isNaN(last) ? null : { from: instant(first - AROUND_S), to: instant(Math.max(last, first) + AROUND_S) };
  const open = text("state") === "open";
  const evidence = evidenceOf(text("evidence"));
  const times = numberAt(data, "count", row);
  return (
    <article class={`card finding ${open ? text("severity") : "over"}`} aria-label={`${label}: ${subject}`}>
      <p class="finding-head">
        <SeveritySign severity={text("severity")} />
        <b>{label}</b>
        <span>
          {subject || <i>no name</i>}
          {peer ? ` → ${peer}` : ""}
          {port ? `:${port}` : ""}
        </span>
        <span class="tag">{open ? "open" : text("state") || "state not known"}</span>
      </p>
      <p class="told">{sentence || means}</p>
      <p class="quiet">
        <span title={elsewhere(text("first_seen"))}>since {shown(text("first_seen"), false)}</span>
        {!span ? "" : `, ${open ? "last seen" : "until"} ${shown(text("last_seen"), false)}, ${length(Math.max(0, last - first))}`}
        {times ? `, counted ${count(times)}` : ""}
      </p>
      <div class="row">
        {evidence.length ? (
          <details>
            <summary>evidence</summary>
            {sentence && means ? <p class="quiet">{means}</p> : null}
            <dl>
              {evidence.map(([name, value]) => (
                <>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </>
              ))}
            </dl>
          </details>
        ) : null}
        {span ? (
          <button title="From a minute before to a minute after" onClick={() => go({ page: "flows", q: eitherWay(edge), ...span, rest: {} })}>
            its flows of that time
          </button>
        ) : null}
        {subject && !isAddress(subject) ? <button onClick={() => go({ ...onMap({ ...edge, server: isAddress(peer) ? "" : peer }), ...(open ? {} : span) })}>on the map</button> : null}
      </div>
    </article>
  );
}

/** A subject may be the one that calls or the one that is called. */
function eitherWay(edge: Edge): string {
  const { client: subject, server: peer, port } = edge;
  if (peer) return filterOf(edge);
  return [isAddress(subject) ? `ip in (${subject})` : `workload=${quoted(subject)}`, port ? `port=${port}` : ""].filter(Boolean).join(" ");
}
