/** What is always said: up to when the picture is complete, of which nodes, and what is missing from it. */
import type { Meta } from "../api/types";
import { bytes, percent } from "../state/format";
import { age, pulse } from "../state/status";
import { shown } from "../state/time";
import { go } from "../state/view";

const STALE_S = 10;

export function TruthLine({ meta }: { meta: Meta | null }) {
  const { status, error } = pulse.value;
  const open = (): void => go({ page: "truth", rest: {} });
  if (!status) return <output class="truth">{error ? error.problem.detail : "Asking how complete the tables are …"}</output>;
  const { known, reporting } = status.nodes;
  const lost = meta?.lost ?? status.lost;
  const stale = age.value > STALE_S;
  return (
    <output class={`truth${stale || error ? " stale" : ""}`}>
      <button class="plain" onClick={open} title="What is lost, which nodes are silent, which names are missing">
        {error || stale ? <b>no answer for {age.value} s · </b> : null}
        complete until <b>{shown(meta?.complete_until ?? status.complete_until)}</b> ·{" "}
        <span class={reporting < known ? "warn" : ""}>
          {reporting} of {known} nodes
        </span>{" "}
        · <span class={lost.bytes || lost.flows ? "warn" : ""}>{bytes(lost.bytes)} lost</span>
        {meta && meta.unnamed !== null ? <> · {percent(meta.unnamed)} unnamed</> : null}
      </button>
    </output>
  );
}
