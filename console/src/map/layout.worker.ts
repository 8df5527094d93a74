import { islands } from "./islands";
import { layered, type Input, type Places } from "./layered";

export interface Job {
  id: number;
  input: Input;
  labels: string[];
}

export interface Done {
  id: number;
  places: Places;
}

/** More shapes than this stand in islands: columns of them would be too long to read. */
const COLUMNS_UP_TO = 150;

self.onmessage = (event: MessageEvent<Job>) => {
  const { id, input, labels } = event.data;
  const places = input.keys.length <= COLUMNS_UP_TO ? layered(input) : islands(input, labels);
  self.postMessage({ id, places } satisfies Done);
};
