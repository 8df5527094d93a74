/** How a series goes on: what was as a line, what is expected dashed, in the band that holds it in 80 of 100 cases. */
import { get } from "../api/client";
import type { Answered, Forecast as Told } from "../api/answers";
import type { Columns } from "../api/types";
import { LineChart, type Line } from "../charts/line";
import { numberAt, rowsOf, textAt } from "../state/columns";
import { METRICS } from "../state/dimensions";
import { groupName, outlooks, type Outlook } from "../state/outlook";
import { count, percent } from "../state/format";
import { useLoaded } from "../state/loaded";
import { length } from "../state/time";
import { set, spanned, view } from "../state/view";

const HORIZON = "7d";
const LIMIT = 5;
const COLOURS = ["c0", "c1", "c2", "c3", "c4", "c7"];

export function ForecastSwitch() {
  const on = Boolean(view.value.rest["forecast"]);
  return (
    <p class="row">
      <button aria-pressed={on} title="From hours of up to eight weeks" onClick={() => set({ forecast: on ? "" : HORIZON })}>
        forecast of a week
      </button>
    </p>
  );
}

interface Props {
  by: readonly string[];
  metric: string;
  /** Joined to the page's own. */
  filter: string;
  height: number;
}

/** Nothing where it is not switched on. Not asked again by itself: an hour more of eight weeks says nothing new. */
export function Forecast({ by, metric, filter, height }: Props) {
  const horizon = view.value.rest["forecast"] ?? "";
  const asked = { by: by.join(","), metric, horizon, limit: LIMIT };
  const loaded = useLoaded<Answered<Told>>(() => {
    const { to, q } = spanned.value;
    const both = q && filter ? `(${q}) ${filter}` : q || filter;
    return horizon ? (signal) => get("forecast", { ...asked, q: both, ...(to === "now" ? {} : { to }) }, signal) : null;
  }, JSON.stringify([asked, filter]));
  if (!horizon) return null;
  const { value, error } = loaded;
  if (!value) return <p class="quiet">{error?.problem.detail ?? "Asking how it goes on …"}</p>;
  const { series = {}, groups = {} } = value.data;
  return (
    <section class="forecast" aria-label="Forecast">
      <h2>How it goes on</h2>
      {rowsOf(series) ? <Chart series={series} by={by} metric={metric} height={height} /> : null}
      {rowsOf(groups) ? <Said groups={groups} by={by} /> : rowsOf(series) ? null : <p class="quiet">No forecast: nothing is known to go on from.</p>}
      {value.meta.warnings?.map((warning) => <p class="quiet">{warning}</p>)}
    </section>
  );
}

function Chart({ series, by, metric, height }: { series: Columns; by: readonly string[]; metric: string; height: number }) {
  const shows = METRICS[metric] ?? { label: metric, show: count };
  const { times, step, found } = outlooks(series, by);
  const per = shows.rated ? step : 1;
  const lines = found.flatMap((one, place) => linesOf(one, COLOURS[place % COLOURS.length] ?? "c7", per));
  return (
    <>
      <LineChart label={`${shows.label}, and how it goes on`} height={height} times={times} lines={lines} show={(value) => `${shows.show(value)}${shows.rated ? "/s" : ""}`} />
      <p class="quiet">
        Steps of {length(step)}.{found.some((one) => one.low.some((value) => value !== null)) ? " Dashed: what is expected; the band holds it in 80 of 100 cases." : ""}
        {found.length > 1 ? found.map((one, place) => (
          <span>
            {" "}
            <span class={`swatch ${COLOURS[place % COLOURS.length]}`} aria-hidden="true" />
            {one.label}
          </span>
        )) : null}
      </p>
    </>
  );
}

function linesOf({ label, history, expected, low, high }: Outlook, colour: string, per: number): Line[] {
  const each = (values: (number | null)[]): (number | null)[] => values.map((value) => (value === null ? null : value / per));
  return [
    { label, colour, values: each(history) },
    { label: `${label}, expected`, colour, dashed: true, values: each(expected), band: { low: each(low), high: each(high) } },
  ];
}

/** What cannot be told, and how good what is told has been. */
function Said({ groups, by }: { groups: Columns; by: readonly string[] }) {
  const several = rowsOf(groups) > 1;
  const lines = Array.from({ length: rowsOf(groups) }, (_, row) => {
    return `${several ? `${groupName(groups, by, row)}: ` : ""}${sentence(groups, row)}`;
  });
  return several ? (
    <ul>
      {lines.map((line) => (
        <li>{line}</li>
      ))}
    </ul>
  ) : (
    <p class="quiet">{lines[0]}</p>
  );
}

function sentence(groups: Columns, row: number): string {
  const refused = textAt(groups, "refused", row);
  if (refused) return refused;
  const [trend, days] = [numberAt(groups, "trend_per_week", row), [10, 50, 90].map((share) => numberAt(groups, `days${share}`, row))];
  const rounded = days.map((one) => (one === null ? "" : String(Math.round(one))));
  return [
    trend === null || trend === 0 ? "No trend." : `It ${trend > 0 ? "grows" : "shrinks"} by ${percent(Math.abs(trend))} a week.`,
    textAt(groups, "note", row) || (groups["naive"]?.[row] === true ? "It is no better than last week's same hour." : ""),
    rounded[1] ? `The limit is reached in ${rounded[1]} days (${rounded[0] || "?"} to ${rounded[2] || "more than 90"}).` : "",
  ]
    .filter(Boolean)
    .join(" ");
}
