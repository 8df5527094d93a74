/** An answer that follows a question: the old one stays, marked as old, until the new one is there. */
import { effect, signal, type ReadonlySignal } from "@preact/signals";
import { ApiError } from "../api/client";

export interface Loaded<T> {
  /** The newest answer; it may be of another question than the present one while `busy`. */
  value: T | null;
  error: ApiError | null;
  busy: boolean;
  /** When the answer came, in milliseconds. */
  at: number;
}

const RETRY_MS = 2_000;

/** Asks whenever a signal that `question` reads changes. `question` gives null where there is nothing to ask. */
export function load<T>(question: () => ((signal: AbortSignal) => Promise<T>) | null): { state: ReadonlySignal<Loaded<T>>; stop: () => void } {
  const state = signal<Loaded<T>>({ value: null, error: null, busy: false, at: 0 });
  let running: AbortController | null = null;
  let timer = 0;
  const stop = effect(() => {
    const ask = question();
    running?.abort();
    clearTimeout(timer);
    if (!ask) return;
    const run = (): void => {
      const own = new AbortController();
      running = own;
      state.value = { ...state.peek(), busy: true };
      ask(own.signal).then(
        (value) => {
          if (!own.signal.aborted) state.value = { value, error: null, busy: false, at: Date.now() };
        },
        (error: unknown) => {
          if (own.signal.aborted) return;
          if (!(error instanceof ApiError)) throw error;
          state.value = { ...state.peek(), error, busy: false };
          if (error.away) timer = window.setTimeout(run, RETRY_MS);
        },
      );
    };
    run();
  });
  return {
    state,
    stop: () => {
      stop();
      running?.abort();
      clearTimeout(timer);
    },
  };
}
