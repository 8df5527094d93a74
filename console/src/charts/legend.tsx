/** The lines of a chart as a table: what each has at the pointer, on average, at most and in all. A click keeps only that one. */
import type { Signal } from "@preact/signals";
import type { Line } from "./line";
import { instant, shown } from "../state/time";

export interface Entry extends Line {
  /** Of the whole span; null: it cannot be summed. */
  total: string | null;
  pick?: (() => void) | undefined;
}

interface Props {
  entries: readonly Entry[];
  times: readonly number[];
  at: Signal<number | null>;
  looked: Signal<string | null>;
  show: (value: number) => string;
}

export function Legend({ entries, times, at, looked, show }: Props) {
  const place = at.value;
  const time = place === null ? undefined : times[place];
  const totals = entries.some((entry) => entry.total !== null);
  return (
    <table class="chart-legend" aria-label="Lines of the chart">
      <thead>
        <tr>
          <th scope="col">line</th>
          <th scope="col" class="number">{time === undefined ? "newest" : shown(instant(time))}</th>
          <th scope="col" class="number">mean</th>
          <th scope="col" class="number">most</th>
          {totals ? <th scope="col" class="number">in all</th> : null}
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => {
          const values = entry.values.filter((value) => value !== null);
          const here = place === null ? values.at(-1) : entry.values[place];
          const mean = values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
          return (
            <tr onPointerEnter={() => (looked.value = entry.label)} onPointerLeave={() => (looked.value = null)}>
              <th scope="row">
                <span class={`swatch ${entry.colour}${entry.dashed ? " dashed" : ""}`} aria-hidden="true" />
                {entry.pick ? (
                  <button class="plain" title="Only this one" onClick={entry.pick} onFocus={() => (looked.value = entry.label)} onBlur={() => (looked.value = null)}>
                    {entry.label}
                  </button>
                ) : (
                  <span>{entry.label}</span>
                )}
              </th>
              <td class="number">{here === null || here === undefined ? "–" : show(here)}</td>
              <td class="number">{mean === null ? "–" : show(mean)}</td>
              <td class="number">{values.length ? show(Math.max(...values)) : "–"}</td>
              {totals ? <td class="number">{entry.total ?? "–"}</td> : null}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
