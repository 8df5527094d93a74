/** What is worst on the map's span: asked for beside the map, after it, once a minute. */
import { computed, signal } from "@preact/signals";
import { get } from "../api/client";
import type { Answered } from "../api/answers";
import type { Columns } from "../api/types";
import { mapMeta } from "../map/use-map";
import { load } from "./loaded";
import { minute, paused } from "./status";
import { isLive, spanned } from "./view";

export const SHOWN = 3;

/** null: not known, or not yet. */
export const worst = signal<Columns | null>(null);
export const askingWorst = signal(false);

const mapIsThere = computed(() => mapMeta.value !== null);

/** Asks for as long as the map is looked at. */
export function watchWorst(): () => void {
  const loaded = load<Answered<Columns>>(() => {
    void (isLive.value && !paused.value && minute.value);
    const { from, to, q } = spanned.value;
    return mapIsThere.value ? (stop) => get("health", { from, to, q, limit: SHOWN }, stop) : null;
  });
  const stop = loaded.state.subscribe(({ value, busy, error }) => {
    worst.value = value && !error && value.data["signal"] ? (value.data as Columns) : null;
    askingWorst.value = busy;
  });
  return () => {
    stop();
    loaded.stop();
    worst.value = null;
    askingWorst.value = false;
  };
}
