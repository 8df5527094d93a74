/** Nothing to show: because nothing is there yet, or because of a term of the filter, which is named. */
import { useMemo } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { load } from "../state/loaded";
import { number } from "../state/format";
import { pulse } from "../state/status";
import { shown } from "../state/time";
import { go, view } from "../state/view";

export function Empty() {
  const { q, from, to } = view.value;
  const status = pulse.value.status;
  const whole = useMemo(
    () => load<Answer>(() => (q ? (signal) => get("edges", { from, to, by: "protocol", metrics: "bytes" }, signal) : null)),
    [q, from, to],
  );
  if (status && !status.newest) {
    return (
      <div class="state">
        <h2>No flow has arrived yet</h2>
        <p>
          Start an agent on a node (<code>weir agent</code>) and a worker (<code>weir worker</code>); <code>weir doctor</code> says what is missing.
        </p>
      </div>
    );
  }
  const inSpan = number(whole.state.value.value?.meta.total["bytes"]) > 0;
  return (
    <div class="state">
      <h2>{q && inSpan ? "Nothing matches the filter" : "No flow in this span"}</h2>
      {q && inSpan ? (
        <p>
          There is traffic in this span. <button onClick={() => go({ q: "" })}>Remove the filter</button>
        </p>
      ) : (
        <p>
          The newest flows are of {shown(status?.newest ?? null)}. <button onClick={() => go({ from: "now-15m", to: "now" })}>Show the last 15 minutes</button>
        </p>
      )}
    </div>
  );
}
