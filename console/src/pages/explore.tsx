/** Any dimension over any time: as lines, stacked, as a heat map, a sankey, a matrix or a table. */
import { useRef } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { quoted } from "../map/terms";
import { CopyMenu } from "../parts/copy-menu";
import { Empty } from "../parts/empty";
import { StateBox } from "../parts/state-box";
import { DIMENSIONS, METRICS } from "../state/dimensions";
import { useLoaded } from "../state/loaded";
import { now, paused, tick } from "../state/status";
import { chosen } from "../state/time";
import { go, isLive, set, view } from "../state/view";
import { OverTime } from "./explore-time";
import { Sums } from "./explore-sums";

const SHAPES = { lines: "lines", stacked: "stacked", heat: "heat map", sankey: "sankey", matrix: "matrix", table: "table" } as const;
export type ShapeName = keyof typeof SHAPES;
const OVER_TIME: readonly ShapeName[] = ["lines", "stacked", "heat"];
const LIMITS: Record<ShapeName, number> = { lines: 7, stacked: 7, heat: 20, sankey: 40, matrix: 120, table: 500 };

/** What is asked, as it stands in the page's address. */
export interface Asked {
  shape: ShapeName;
  metric: string;
  dimensions: string[];
}

function asked(rest: Record<string, string>): Asked {
  const named = (Object.keys(SHAPES) as ShapeName[]).find((one) => one === rest["shape"]);
  const metric = METRICS[rest["metric"] ?? ""] ? (rest["metric"] ?? "bytes") : "bytes";
  const shape = named === "stacked" && METRICS[metric]?.sample ? "lines" : (named ?? (METRICS[metric]?.sample ? "lines" : "stacked"));
  const by = (rest["by"] ?? "").split(",").filter((name) => DIMENSIONS[name] !== undefined);
  if (shape === "sankey" || shape === "matrix") return { shape, metric, dimensions: by.length > 1 ? by.slice(0, 2) : by[0] && by[0] !== "server" ? [by[0], "server"] : ["client", "server"] };
  return { shape, metric, dimensions: by.length ? by : ["server"] };
}

export function ExplorePage() {
  const { shape, metric, dimensions } = asked(view.value.rest);
  const picture = useRef<HTMLDivElement>(null);
  const overTime = OVER_TIME.includes(shape);
  const path = overTime ? "series" : "edges";
  const parameters = {
    by: dimensions.join(","),
    metrics: metric === "bytes" ? "bytes" : `${metric},bytes`,
    order: METRICS[metric]?.sample ? "bytes" : metric,
    limit: LIMITS[shape],
  };
  const loaded = useLoaded<Answer>(() => {
    void (isLive.value && !paused.value && tick.value);
    const { from, to, q } = view.value;
    return (signal) => get(path, { from, to, q, ...parameters }, signal);
  }, JSON.stringify([path, parameters]));
  const answer = loaded.value;
  const fits = answer !== null && dimensions.every((name) => answer.data[name]) && (overTime ? answer.data["time"] !== undefined : answer.data["time"] === undefined);
  const empty = fits && (answer.data[dimensions[0] ?? ""]?.length ?? 0) === 0;
  const pick = (names: readonly string[]): void => {
    const terms = names.map((name, at) => `${dimensions[at]}=${quoted(name)}`);
    go({ q: [view.value.q, ...terms].filter(Boolean).join(" ") });
  };
  const choose = (from: number, to: number): void => go(chosen(from, to, now()));
  return (
    <section class="page explore" aria-label="Explore">
      <div class="head">
        <h1>Explore</h1>
        <Choices asked={{ shape, metric, dimensions }} />
        {answer ? (
          <CopyMenu
            path={path}
            parameters={{ from: view.value.from, to: view.value.to, q: view.value.q, ...parameters }}
            sql={answer.meta.sql}
            {...(shape === "lines" || shape === "stacked" || shape === "heat" ? { picture: () => picture.current?.querySelector("canvas") ?? null } : {})}
          />
        ) : null}
      </div>
      <StateBox loaded={loaded} empty={empty ? <Empty meta={answer.meta} /> : null} />
      {fits && !empty ? (
        <div ref={picture} class={`picture${loaded.busy ? " busy" : ""}`}>
          {overTime ? <OverTime answer={answer} asked={{ shape, metric, dimensions }} pick={pick} choose={choose} /> : <Sums answer={answer} asked={{ shape, metric, dimensions }} pick={pick} />}
        </div>
      ) : null}
    </section>
  );
}

function Choices({ asked: { shape, metric, dimensions } }: { asked: Asked }) {
  const change = (place: number, name: string): void => {
    const next = [...dimensions];
    next[place] = name;
    set({ by: [...new Set(next.filter(Boolean))].join(",") });
  };
  return (
    <>
      <select aria-label="Metric" value={metric} onChange={(event) => set({ metric: event.currentTarget.value })}>
        {Object.entries(METRICS).map(([name, one]) => (
          <option value={name}>{one.label}</option>
        ))}
      </select>
      <span class="quiet">by</span>
      {[0, 1].map((place) => (
        <select aria-label={place ? "Second dimension" : "Dimension"} value={dimensions[place] ?? ""} onChange={(event) => change(place, event.currentTarget.value)}>
          {place ? <option value="">nothing else</option> : null}
          {Object.entries(DIMENSIONS).map(([name, label]) => (
            <option value={name}>{label}</option>
          ))}
        </select>
      ))}
      <div class="tabs" role="group" aria-label="Shape">
        {(Object.entries(SHAPES) as [ShapeName, string][]).map(([name, label]) => (
          <button aria-pressed={name === shape} onClick={() => set({ shape: name })}>
            {label}
          </button>
        ))}
      </div>
    </>
  );
}
