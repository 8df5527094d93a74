/** What stands in the place of a picture that is not there, and above one that is old: each state says what to do. */
import type { ComponentChildren } from "preact";
import type { Loaded } from "../state/loaded";
import { age } from "../state/status";

const SLOW_MS = 2_000;

export function StateBox<T>({ loaded, since, empty, children }: { loaded: Loaded<T>; since: number; empty: ComponentChildren; children?: ComponentChildren }) {
  void age.value;
  if (loaded.error) {
    const away = loaded.error.away;
    return (
      <div class={loaded.value ? "note bad" : "state"} role="alert">
        <h2>{loaded.error.problem.title}</h2>
        <p>{loaded.error.problem.detail}</p>
        {away && loaded.value ? <p>What is shown is {Math.round((Date.now() - loaded.at) / 1_000)} s old. It is asked again every 2 s.</p> : null}
      </div>
    );
  }
  if (loaded.busy && Date.now() - since > SLOW_MS) {
    return <div class="note">This takes longer than 2 s: a shorter span, or a filter by workload or port, answers sooner.</div>;
  }
  if (!loaded.value) return <div class="state quiet">Asking …</div>;
  return <>{empty ?? children}</>;
}
