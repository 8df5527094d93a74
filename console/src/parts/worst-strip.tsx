/** What one wants to know first, above the map: the three edges that are worst, and whether something strange is open. Nothing where all is well. */
import type { Columns } from "../api/types";
import { SHOWN, worst } from "../state/worst";
import { numberAt, rowsOf, textAt } from "../state/columns";
import { edgeAt, onMap } from "../state/edge";
import { findings, said, within } from "../state/findings";
import { many } from "../state/format";
import { SECURITY } from "../state/kinds";
import { grave } from "../map/marks";
import { now } from "../state/status";
import { shown, spanOf } from "../state/time";
import { signalOf } from "../state/signals";
import { go, spanned } from "../state/view";
import { EdgeName } from "./worse";

export function WorstStrip() {
  const data = worst.value ?? {};
  const { from, to } = spanOf(spanned.value, now());
  const strange = within(findings.value, from, to).filter((one) => one.open && one.severity !== "info" && SECURITY.includes(one.kind));
  if (!rowsOf(data) && !strange.length) return null;
  return (
    <div class="worst" role="group" aria-label="Worse than usual">
      <ol hidden={!rowsOf(data)}>
        {Array.from({ length: Math.min(SHOWN, rowsOf(data)) }, (_, row) => (
          <li>
            <button title={textAt(data, "sentence", row)} onClick={() => go(onMap(edgeAt(data, row)))}>
              <Sign severity={textAt(data, "severity", row)} />
              <b>{figure(data, row)}</b> <EdgeName data={data} row={row} plain />
              {textAt(data, "until", row) ? <span class="quiet"> over at {shown(textAt(data, "until", row), false)}</span> : null}
            </button>
          </li>
        ))}
      </ol>
      {strange.length ? (
        <button title={`${strange.slice(0, SHOWN).map(said).join("\n")}\n( g s )`} onClick={() => go({ page: "security", rest: {} })}>
          <Sign severity={grave(strange) ? "critical" : "warning"} />
          {many(strange.length, "finding")} open
        </button>
      ) : null}
      {rowsOf(data) ? <button class="plain link" title="g h" onClick={() => go({ page: "health", rest: {} })}>all in Health</button> : null}
    </div>
  );
}

function figure(data: Columns, row: number): string {
  const { short, show } = signalOf(textAt(data, "signal", row));
  const now = numberAt(data, "now", row);
  return short(now === null ? "worse" : show(now));
}

function Sign({ severity }: { severity: string }) {
  const grave = severity === "critical";
  return (
    <span class={grave ? "bad" : "warn"} role="img" aria-label={severity}>
      {grave ? "▲" : "◆"}{" "}
    </span>
  );
}
