/** The switches of the map. Each has a key. */
import type { ComponentChildren } from "preact";
import type { TheMap } from "../map/use-map";
import { now, pulse } from "../state/status";
import { set, view } from "../state/view";

const FOLDS = [
  { value: "auto", label: "as needed" },
  { value: "namespace", label: "namespace" },
  { value: "zone", label: "zone" },
  { value: "prefix", label: "first word" },
  { value: "none", label: "nothing" },
];
const TIMES = [
  { value: "", label: "no other time" },
  { value: "-15m", label: "15 min before" },
  { value: "-1h", label: "1 h before" },
  { value: "-1d", label: "a day before" },
  { value: "-1w", label: "a week before" },
];

/** The longest of these distances that the tables go back: over tables that are young, everything would be new since yesterday. */
export function otherTime(): string {
  const oldest = Object.values(pulse.peek().status?.tables ?? {}).map((one) => Date.parse(one.oldest) / 1_000);
  const reach = now() - Math.min(...oldest);
  return [["-1d", 86_400] as const, ["-1h", 3_600] as const].find(([, seconds]) => reach >= seconds)?.[0] ?? "-15m";
}

export function MapTools({ map, children }: { map: TheMap; children: ComponentChildren }) {
  const { rest } = view.value;
  const before = rest["compare"] ?? "";
  const wrong = rest["only"] === "wrong";
  return (
    <div class="tools" role="group" aria-label="Map">
      <label>
        fold by{" "}
        <select value={rest["fold"] ?? "auto"} onChange={(event) => set({ fold: event.currentTarget.value === "auto" ? "" : event.currentTarget.value, open: "", sel: "" })}>
          {FOLDS.map((one) => (
            <option value={one.value}>{one.label}</option>
          ))}
        </select>
      </label>
      <label title="Compare with another time ( c )">
        against{" "}
        <select value={before} onChange={(event) => set({ compare: event.currentTarget.value, sel: "" })}>
          {TIMES.map((one) => (
            <option value={one.value}>{one.label}</option>
          ))}
          {TIMES.some((one) => one.value === before) ? null : <option value={before}>{before}</option>}
        </select>
      </label>
      <button aria-pressed={wrong} title="Only what is wrong ( e )" onClick={() => set({ only: wrong ? "" : "wrong" })}>
        only wrong
      </button>
      {rest["open"] ? (
        <button title="Fold all groups ( u )" onClick={() => set({ open: "", sel: "" })}>
          fold all
        </button>
      ) : null}
      <button title="All in the picture ( f )" onClick={() => map.stage.current?.fit()}>
        fit
      </button>
      <button title="Lay it out anew ( r )" onClick={map.tidy}>
        tidy
      </button>
      {children}
    </div>
  );
}
