/** What is always said: up to when the picture is complete, of which nodes, and what is missing from it. */
import type { Meta } from "../api/types";
import { bytes, percent } from "../state/format";
import { age, pulse } from "../state/status";
import { askingWorst, worst } from "../state/worst";
import { rowsOf } from "../state/columns";
import { elsewhere, length, shown, zone } from "../state/time";
import { go } from "../state/view";

const STALE_S = 10;

export function TruthLine({ meta }: { meta: Meta | null }) {
  const { status, error } = pulse.value;
  if (!status) return <output class="truth">{error ? error.problem.detail : "Asking how complete the tables are …"}</output>;
  const { known, reporting } = status.nodes;
  const lost = meta?.lost ?? status.lost;
  const stale = age.value > STALE_S || error !== null;
  const until = meta?.complete_until ?? status.complete_until;
  const end = Math.min(Date.parse(status.now), meta ? Date.parse(meta.to) : Infinity);
  const behind = until ? (end - Date.parse(until)) / 1_000 : 0;
  const late = behind > Math.max(60, 6 * status.window_seconds);
  const losing = lost.bytes > 0 || lost.flows > 0 || lost.packets > 0;
  return (
    <div class={`truth${stale ? " stale" : ""}`}>
      <button class="plain" onClick={() => go({ page: "truth", rest: {} })} title={`What is lost, which nodes are silent, which names are missing. ${elsewhere(until)}`}>
        {stale ? <b>⚠ no answer for {age.value} s · </b> : null}
        complete until <b>{shown(until)}</b>
        {zone.value === "UTC" ? " UTC" : ""}
        {late ? <span class="warn"> ⚠ {length(behind)} behind</span> : null} ·{" "}
        <span class={reporting < known ? "warn" : ""}>
          {reporting < known ? "⚠ " : ""}
          {reporting} of {known} nodes
        </span>{" "}
        · <span class={losing ? "warn" : ""}>{losing ? "⚠ " : ""}{bytes(lost.bytes)} lost</span>
        {meta && meta.unnamed !== null ? <> · {percent(meta.unnamed)} unnamed</> : null}
      </button>
      {meta && worst.value && !rowsOf(worst.value) ? (
        <>
          {" "}
          ·{" "}
          <button class="plain" title="Of what nodes have told in this span ( g h )" onClick={() => go({ page: "health", rest: {} })}>
            ✓ nothing is worse than usual
          </button>
        </>
      ) : null}
      {askingWorst.value && !worst.value ? <span class="hidden">Asking what is worse than usual …</span> : null}
      <output class="hidden" aria-live="polite">
        {stale ? "The console does not answer." : reporting < known ? `${known - reporting} of ${known} nodes are silent.` : ""}
      </output>
    </div>
  );
}
