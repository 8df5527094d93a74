/** What transfer costs, by class: an estimate, and it says so. */
import type { ComponentChildren } from "preact";
import { get } from "../api/client";
import type { Answered, Cost } from "../api/answers";
import type { Columns } from "../api/types";
import { CopyMenu } from "../parts/copy-menu";
import { Longer } from "../parts/longer";
import { StateBox } from "../parts/state-box";
import { Table, type Column } from "../parts/table";
import { rowsOf, textAt } from "../state/columns";
import { DIMENSIONS } from "../state/dimensions";
import { bytes, many, number } from "../state/format";
import { useLoaded } from "../state/loaded";
import { money } from "../state/money";
import { minute, now, paused } from "../state/status";
import { length, spanOf } from "../state/time";
import { isLive, set, spanned, view } from "../state/view";

const LIMIT = 50;
const BY = ["client,server", "client", "server", "client_namespace,server_namespace", "client_zone,server_zone", "service_port"];

const CLASSES: Record<string, string> = {
  same_zone: "within a zone",
  inter_zone: "between zones",
  inter_region: "between regions",
  internet_out: "to the internet",
  internet_in: "from the internet",
  link: "on the own link",
  nat: "through NAT",
  endpoint: "through an endpoint",
  object_store: "to object stores",
  unknown: "not known",
};

const SAVINGS: Record<string, string> = {
  zone_routing: "keep it within the zone",
  region_routing: "keep it within the region",
  gateway_endpoint: "a gateway endpoint",
  interface_endpoint: "an interface endpoint",
  cdn: "a CDN",
  batching: "larger messages",
};

const className = (name: string): string => CLASSES[name] ?? name.replaceAll("_", " ");

export function CostPage() {
  const { from, to, q, rest } = view.value;
  const by = BY.find((one) => one === rest["by"]) ?? "client,server";
  const loaded = useLoaded<Answered<Cost>>(() => {
    void (isLive.value && !paused.value && minute.value);
    const { from, to, q } = spanned.value;
    return (signal) => get("cost", { from, to, q, by, limit: LIMIT }, signal);
  }, by);
  const cost = loaded.value?.data;
  const currency = cost?.currency || "USD";
  return (
    <section class="page cost-page" aria-label="Cost">
      <div class="head">
        <h1>What does transfer cost?</h1>
        <select aria-label="By" value={by} onChange={(event) => set({ by: event.currentTarget.value === BY[0] ? "" : event.currentTarget.value })}>
          {BY.map((one) => (
            <option value={one}>by {one.split(",").map((name) => DIMENSIONS[name] ?? name).join(", ")}</option>
          ))}
        </select>
        <Longer least={86_400} />
        {loaded.value ? <CopyMenu path="cost" parameters={{ from, to, q, by, limit: LIMIT }} sql={loaded.value.meta?.sql ?? ""} command="weir cost" csv={false} /> : null}
      </div>
      <StateBox loaded={loaded} empty={null} />
      {cost ? (
        <>
          <Estimate cost={cost} currency={currency} />
          {cost.classes ? <Classes data={cost.classes} currency={currency} /> : null}
          {rowsOf(cost.savings) ? <Savings data={cost.savings ?? {}} currency={currency} /> : null}
          {rowsOf(cost.rows) ? <Rows data={cost.rows ?? {}} other={cost.other} by={by.split(",")} currency={currency} /> : null}
          {cost.unpriced ? <Unpriced data={cost.unpriced} /> : null}
        </>
      ) : null}
    </section>
  );
}

/** Always there: a sum without these words would be taken for a bill. */
function Estimate({ cost, currency }: { cost: Partial<Cost>; currency: string }) {
  const span = spanOf(view.value, now());
  return (
    <div class="cards">
      <div class="card">
        <h2>{cost.total == null ? "not known" : `about ${money(cost.total, currency)}`}</h2>
        <p>
          In {length(span.to - span.from)}
          {cost.total == null ? ": nothing of it has a price." : <>, of what has a price; <span title={`${cost.total} ${currency}`}>{currency}</span>.</>}
        </p>
      </div>
      <div class="card estimate">
        <h2>An estimate, not a bill</h2>
        <p>{cost.estimate || "Discounts, agreements and what a provider does not charge for are not seen."}</p>
        <p>{cost.currency === "" ? "There is no price table." : cost.prices?.source ? `Prices: ${cost.prices.source}${cost.prices.as_of ? `, as of ${cost.prices.as_of}` : ", of no known date"}.` : "Whose prices these are is not told."}</p>
      </div>
    </div>
  );
}

function Classes({ data, currency }: { data: Columns; currency: string }) {
  const most = Math.max(0, ...(data["cost"] ?? []).map(number));
  const largest = Math.max(0, ...(data["bytes"] ?? []).map(number));
  const columns: Column[] = [
    { name: "class", label: "class", show: (value) => className(String(value ?? "")) },
    { name: "payer", label: "who pays", show: (value) => String(value ?? "") || "–" },
    { name: "bytes", label: "bytes", numeric: true, show: (value) => <Bar of={largest ? number(value) / largest : 0}>{bytes(number(value))}</Bar> },
    {
      name: "cost",
      label: "cost",
      numeric: true,
      show: (value) =>
        value === null ? (
          <b class="warn">no price</b>
        ) : (
          <Bar of={most ? number(value) / most : 0} title={`${String(value)} ${currency}`}>{money(value, currency)}</Bar>
        ),
    },
  ];
  return (
    <div class="block">
      <h2>By class</h2>
      {rowsOf(data) ? <Table label="Classes" data={data} columns={columns} /> : <p class="quiet">No bytes in this span.</p>}
      {rowsOf(data) ? <p class="quiet">Bytes that two pay for are in both rows.</p> : null}
    </div>
  );
}

function Bar({ of, title, children }: { of: number; title?: string; children: ComponentChildren }) {
  return (
    <span class="bar-cell" title={title}>
      <span class="bar-of" style={{ width: `${of > 0 ? Math.max(1, Math.round(of * 100)) : 0}%` }} aria-hidden="true" />
      {children}
    </span>
  );
}

function Savings({ data, currency }: { data: Columns; currency: string }) {
  return (
    <div class="block">
      <h2>What could be saved</h2>
      <ul class="savings">
        {Array.from({ length: rowsOf(data) }, (_, row) => (
          <li class="card">
            <h3>
              about {money(data["monthly"]?.[row], currency)} a month: {SAVINGS[textAt(data, "kind", row)] ?? textAt(data, "kind", row).replaceAll("_", " ")}
            </h3>
            <p>{textAt(data, "sentence", row)}</p>
            <small>
              {textAt(data, "client", row)}
              {textAt(data, "server", row) ? ` → ${textAt(data, "server", row)}` : ""}
            </small>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Rows({ data, other, by, currency }: { data: Columns; other: Cost["other"] | undefined; by: readonly string[]; currency: string }) {
  const columns: Column[] = [
    ...by.filter((name) => data[name]).map((name) => ({ name, label: DIMENSIONS[name] ?? name, show: (value: unknown) => String(value ?? "") || <i>no name</i> })),
    { name: "class", label: "class", show: (value) => className(String(value ?? "")) },
    { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
    { name: "cost", label: "cost", numeric: true, show: (value) => (value === null ? <b class="warn">no price</b> : <span title={`${String(value)} ${currency}`}>{money(value, currency)}</span>) },
  ];
  return (
    <div class="block">
      <h2>Where it comes from</h2>
      <Table label="Cost by what is asked" data={data} columns={columns} />
      {other?.rows ? (
        <p class="quiet">
          And {many(other.rows, "smaller row")} with {bytes(number(other.bytes))}, {money(other.cost, currency)}.
        </p>
      ) : null}
    </div>
  );
}

/** What has no price is shown, never 0. */
function Unpriced({ data }: { data: Columns }) {
  const rows = rowsOf(data);
  if (!rows) return <p class="quiet">Every byte of the span has a price.</p>;
  const sum = (data["bytes"] ?? []).reduce<number>((all, value) => all + number(value), 0);
  return (
    <div class="block">
      <h2 class="warn">⚠ Without a price: {bytes(sum)}</h2>
      <p>
        {many(rows, "row")} of which it is not known what {rows === 1 ? "it costs" : "they cost"}: the largest. They are in no sum of money above, and not free.
      </p>
      <Table
        label="Without a price"
        data={data}
        columns={[
          { name: "client", label: "client", show: (value) => String(value ?? "") || <i>no name</i> },
          { name: "server", label: "server", show: (value) => String(value ?? "") || <i>no name</i> },
          { name: "class", label: "class", show: (value) => (value ? className(String(value)) : <i>not known</i>) },
          { name: "bytes", label: "bytes", numeric: true, show: (value) => bytes(number(value)) },
          { name: "why", label: "why" },
        ]}
      />
    </div>
  );
}
