import { islands } from "./islands";
import { layered } from "./layered";
import { COLUMNS_UP_TO } from "./limits";
import { sorted, type Input, type Places } from "./plane";

export interface Job {
  id: number;
  input: Input;
}

export interface Done {
  id: number;
  places: Places;
  /** How long it took. */
  ms: number;
}

self.onmessage = (event: MessageEvent<Job>) => {
  const start = performance.now();
  const { id, input } = event.data;
  const named = sorted(input);
  const found = named.order.length <= COLUMNS_UP_TO ? layered(named.input) : islands(named.input);
  const places: Places = { x: new Float64Array(named.order.length), y: new Float64Array(named.order.length) };
  named.order.forEach((old, at) => {
    places.x[old] = found.x[at] ?? 0;
    places.y[old] = found.y[at] ?? 0;
  });
  self.postMessage({ id, places, ms: performance.now() - start } satisfies Done);
};
