/** The figures of an edge or a shape, under a sentence that says what they mean. */
import type { Answer, Value } from "../api/types";
import { LineChart } from "../charts/line";
import { bytes, count, micros, number, percent, rate } from "../state/format";
import { known, rates, steps, summed } from "../state/series";
import { figures, maybe, total } from "./figures";
import { Table, type Column } from "./table";
import { verdict } from "./verdict";

interface Props {
  sums: Answer;
  series: Answer | null;
  sides: Answer | null;
  before: Answer | null;
  isEdge: boolean;
}

export function EdgeFigures({ sums, series, sides, before, isEdge }: Props) {
  const found = verdict(figures(sums, sides, before));
  return (
    <>
      <p class={`verdict${found.wrong ? "" : " fine"}`} role="status">
        <b>{found.head}</b> {found.text}
      </p>
      <Sums sums={sums} />
      {series ? <Lines series={series} /> : null}
      {isEdge ? <Ports sums={sums} /> : null}
      {sides ? <Sides sides={sides} /> : null}
    </>
  );
}

function Sums({ sums }: { sums: Answer }) {
  const of = (name: string): number => total(sums, name);
  const span = Math.max(1, (Date.parse(sums.meta.to) - Date.parse(sums.meta.from)) / 1_000);
  const quantiles = (name: string) =>
    maybe(sums, `${name}_p50`) === null ? (
      <small>no sample</small>
    ) : (
      <>
        {micros(maybe(sums, `${name}_p50`))} <small>p95</small> {micros(maybe(sums, `${name}_p95`))} <small>p99</small> {micros(maybe(sums, `${name}_p99`))}
      </>
    );
  const failed = of("connections_failed");
  return (
    <dl>
      <dt>bytes</dt>
      <dd>
        {bytes(of("bytes"))} <small>{rate(of("bytes"), span)}</small>
      </dd>
      <dt>client sent</dt>
      <dd>{bytes(of("bytes_sent"))}</dd>
      <dt>server sent</dt>
      <dd>{bytes(of("bytes_received"))}</dd>
      <dt>connections</dt>
      <dd>
        {count(of("connections_opened"))} opened, {failed ? <b class="bad">{count(failed)} failed</b> : "0 failed"}, {count(of("connections_reset"))} reset
      </dd>
      {failed ? (
        <>
          <dt>causes</dt>
          <dd>{causes(of)}</dd>
        </>
      ) : null}
      <dt>sent again</dt>
      <dd>
        {count(of("retransmits"))} <small>{percent(of("packets") ? of("retransmits") / of("packets") : 0)} of packets</small>
      </dd>
      <dt>round trip</dt>
      <dd>{quantiles("rtt_us")}</dd>
      <dt>connect</dt>
      <dd>{quantiles("connect_us")}</dd>
    </dl>
  );
}

function causes(of: (name: string) => number): string {
  const [refused, silent] = [of("connections_refused"), of("connections_timed_out")];
  const other = of("connections_failed") - refused - silent;
  return [
    refused ? `${count(refused)} refused: a RST answered` : "",
    silent ? `${count(silent)} timed out: nothing answered` : "",
    other > 0 ? `${count(other)} given up for another cause` : "",
  ]
    .filter(Boolean)
    .join("; ");
}

function Lines({ series }: { series: Answer }) {
  const at = steps(series);
  const per = (name: string): (number | null)[] => rates(summed(series, name, at), at);
  const round = (name: string): (number | null)[] => summed(series, name, at, null);
  const failed = known(summed(series, "connections_failed", at), at);
  const p95 = round("rtt_us_p95");
  return (
    <>
      <h3>Bytes a second</h3>
      <LineChart label="Bytes over time" height={100} times={at.times} show={bytes} lines={[{ label: "bytes", colour: "accent", filled: true, values: per("bytes") }]} />
      {failed.some((value) => value) ? (
        <>
          <h3>Connections that failed</h3>
          <LineChart label="Failed connections over time" height={84} times={at.times} show={count} lines={[{ label: "failed", colour: "bad", filled: true, values: failed }]} />
        </>
      ) : null}
      {p95.some((value) => value !== null) ? (
        <>
          <h3>Round trip</h3>
          <LineChart
            label="Round trips over time"
            height={104}
            times={at.times}
            show={micros}
            lines={[
              { label: "p50", colour: "accent", values: round("rtt_us_p50") },
              { label: "p95", colour: "warn", values: p95 },
            ]}
          />
        </>
      ) : null}
    </>
  );
}

const failedCell = (value: Value) => (number(value) ? <b class="bad">{count(number(value))}</b> : "0");
const size = (value: Value): string => bytes(number(value));
const amount = (value: Value): string => count(number(value));

/** Without columns in which nothing stands. */
const told = (answer: Answer, columns: readonly Column[]): Column[] =>
  columns.filter((column) => column.numeric || (answer.data[column.name] ?? []).some((value) => value !== "" && value !== null));

function Ports({ sums }: { sums: Answer }) {
  const columns: Column[] = [
    { name: "service_port", label: "port", numeric: true },
    { name: "protocol", label: "protocol" },
    { name: "service", label: "service" },
    { name: "domain", label: "domain" },
    { name: "bytes", label: "bytes", numeric: true, show: size },
    { name: "connections_opened", label: "opened", numeric: true, show: amount },
    { name: "connections_failed", label: "failed", numeric: true, show: failedCell },
  ];
  return (
    <>
      <h3>By port</h3>
      <div class="wide">
        <Table label="By port" data={sums.data} columns={told(sums, columns)} />
      </div>
    </>
  );
}

/** Each end's agent counts by itself: where they differ, packets were lost on the way. */
function Sides({ sides }: { sides: Answer }) {
  const roles = new Set(sides.data["role"] ?? []);
  const columns: Column[] = [
    { name: "role", label: "told by" },
    { name: "node", label: "node" },
    { name: "bytes_sent", label: "client sent", numeric: true, show: size },
    { name: "bytes_received", label: "server sent", numeric: true, show: size },
    { name: "connections_opened", label: "opened", numeric: true, show: amount },
    { name: "connections_failed", label: "failed", numeric: true, show: failedCell },
    { name: "retransmits", label: "sent again", numeric: true, show: amount },
    { name: "rtt_us_p95", label: "p95", numeric: true, show: (value) => micros(value === null ? null : number(value)) || "–" },
  ];
  return (
    <>
      <h3>As each end counted it</h3>
      {roles.size === 1 ? <p class="quiet">Only the {String([...roles][0])}'s end has an agent, or has told of it.</p> : null}
      <div class="wide">
        <Table label="Both ends' views" data={sides.data} columns={told(sides, columns)} />
      </div>
    </>
  );
}
