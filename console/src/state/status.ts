/** How complete the tables are, told by the server while the page is looked at. */
import { computed, effect, signal } from "@preact/signals";
import { ApiError, asking, get } from "../api/client";
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

/** Something is new, and is asked for when all that was asked before is answered: a slow engine is not asked the same twice. */
const due = signal(false);
effect(() => {
  if (!due.value || asking.value > 0) return;
  due.value = false;
  tick.value = tick.peek() + 1;
});

async function look(): Promise<void> {
  try {
    const answer = await get<{ data: Status }>("status", {});
    const before = pulse.peek().status?.generation;
    pulse.value = { status: answer.data, at: Date.now(), error: null };
    if (!paused.peek()) clock.value = Date.parse(answer.data.now) / 1_000;
    if (before !== undefined && before !== answer.data.generation && !paused.peek()) due.value = true;
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

/** The server's clock in seconds: it stands still within a window, and while the page is paused. */
export const clock = signal(Math.floor(Date.now() / 10_000) * 10);
export const now = (): number => clock.value;
/** Changes once a minute: what looks at weeks is asked again so often and no oftener. */
export const minute = computed(() => Math.floor(clock.value / 60));

/** Seconds since the newest answer about completeness. */
export const age = signal(0);
setInterval(() => {
  const { at } = pulse.peek();
  age.value = at ? Math.round((Date.now() - at) / 1_000) : 0;
}, 1_000);

effect(() => {
  if (!paused.value) tick.value = tick.peek() + 1;
});
