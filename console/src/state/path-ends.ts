/** The end that a path is asked from, while its other end is being chosen on the map. */
import { signal } from "@preact/signals";
import { endsOf, nameOf } from "../map/terms";
import { go } from "./view";

/** A key of the map; empty: none is being chosen. */
export const pathFrom = signal("");

/** Whether a way can be asked about from or to it: a workload, or a domain outside. */
export const isEnd = (key: string): boolean => /^[wd]:./.test(key);

export function openPath(from: string, to: string): void {
  pathFrom.value = "";
  go({ page: "path", rest: { client: nameOf(from), server: nameOf(to) } });
}

/** Of an edge: its path. Of a shape: the beginning of a path, or its end where there is a beginning. */
export function pathKey(selected: string): void {
  const ends = endsOf(selected);
  if (ends) {
    if (ends.every(isEnd)) openPath(ends[0], ends[1]);
    return;
  }
  if (!isEnd(selected)) return;
  if (pathFrom.value && pathFrom.value !== selected) openPath(pathFrom.value, selected);
  else pathFrom.value = pathFrom.value ? "" : selected;
}
