/** An answer that follows a question: the old one stays, marked as old, until the new one is there. */
import { effect, signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { ApiError } from "../api/client";
import { token } from "./access";

export interface Loaded<T> {
  /** The newest answer; it may be of another question than the present one while `busy`. */
  value: T | null;
  error: ApiError | null;
  busy: boolean;
  /** When the answer came, in milliseconds. */
  at: number;
  /** When the present question was asked, in milliseconds. */
  since: number;
}

const RETRY_MS = 2_000;

export type Question<T> = () => ((signal: AbortSignal) => Promise<T>) | null;

/** Asks whenever a signal that `question` reads changes. `question` gives null where there is nothing to ask. */
export function load<T>(question: Question<T>): { state: ReadonlySignal<Loaded<T>>; stop: () => void } {
  const state = signal<Loaded<T>>({ value: null, error: null, busy: false, at: 0, since: 0 });
  let running: AbortController | null = null;
  let timer = 0;
  const stop = effect(() => {
    void token.value;
    const ask = question();
    running?.abort();
    clearTimeout(timer);
    if (!ask) {
      state.value = { value: null, error: null, busy: false, at: 0, since: 0 };
      return;
    }
    const run = (): void => {
      const own = new AbortController();
      running = own;
      state.value = { ...state.peek(), busy: true, since: Date.now() };
      ask(own.signal).then(
        (value) => {
          if (!own.signal.aborted) state.value = { value, error: null, busy: false, at: Date.now(), since: 0 };
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

/** The same for as long as a component stands; `key`: what the question depends on besides signals. */
export function useLoaded<T>(question: Question<T>, key: string = ""): Loaded<T> {
  const loaded = useMemo(() => load(question), [key]);
  useEffect(() => loaded.stop, [key]);
  return loaded.state.value;
}
