/** How complete the tables are, told by the server while the page is looked at. */
import { effect, signal } from "@preact/signals";
import { ApiError, get } from "../api/client";
import type { Status } from "../api/types";
import { locked } from "./access";

export interface Pulse {
  status: Status | null;
  /** When it came, in milliseconds. */
  at: number;
  error: ApiError | null;
}

export const pulse = signal<Pulse>({ status: null, at: 0, error: null });
/** Changes when there is something new in the tables: what is live is asked again. */
export const tick = signal(0);
export const paused = signal(false);

const EVERY_MS = 2_000;

async function look(): Promise<void> {
  try {
    const answer = await get<{ data: Status }>("status", {});
    const before = pulse.peek().status?.generation;
    pulse.value = { status: answer.data, at: Date.now(), error: null };
    if (before !== answer.data.generation && !paused.peek()) tick.value += 1;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    pulse.value = { ...pulse.peek(), error };
  }
}

/** Asks while the page can be seen, and not otherwise. */
export function begin(): void {
  let timer = 0;
  const again = (): void => {
    clearTimeout(timer);
    if (document.visibilityState !== "visible") return;
    void (locked.peek() ? Promise.resolve() : look()).finally(() => {
      timer = window.setTimeout(again, EVERY_MS);
    });
  };
  document.addEventListener("visibilitychange", again);
  again();
}

export const now = (): number => {
  const status = pulse.value.status;
  return status ? Date.parse(status.now) / 1_000 : Math.floor(Date.now() / 1_000);
};

/** Seconds since the newest answer about completeness. */
export const age = signal(0);
setInterval(() => {
  const { at } = pulse.peek();
  age.value = at ? Math.round((Date.now() - at) / 1_000) : 0;
}, 1_000);

effect(() => {
  if (!paused.value) tick.value = tick.peek() + 1;
});
