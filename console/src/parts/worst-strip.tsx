/** The three edges that are worst, above the map; nothing where all is well. */
import type { Columns } from "../api/types";
import { SHOWN, worst } from "../state/worst";
import { numberAt, rowsOf, textAt } from "../state/columns";
import { edgeAt, onMap } from "../state/edge";
import { signalOf } from "../state/signals";
import { go } from "../state/view";
import { EdgeName } from "./worse";

export function WorstStrip() {
  const data = worst.value;
  if (!data || !rowsOf(data)) return null;
  return (
    <div class="worst" role="group" aria-label="Worse than usual">
      <ol>
        {Array.from({ length: Math.min(SHOWN, rowsOf(data)) }, (_, row) => (
          <li>
            <button title={textAt(data, "sentence", row)} onClick={() => go(onMap(edgeAt(data, row)))}>
              <Sign severity={textAt(data, "severity", row)} />
              <b>{figure(data, row)}</b> <EdgeName data={data} row={row} plain />
            </button>
          </li>
        ))}
      </ol>
      <button class="plain link" title="g h" onClick={() => go({ page: "health", rest: {} })}>all in Health</button>
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
