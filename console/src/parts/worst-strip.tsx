/** The three edges that are worst, above the map; nothing where all is well. */
import { SHOWN, worst } from "../state/worst";
import { rowsOf, textAt } from "../state/columns";
import { edgeAt, onMap } from "../state/edge";
import { signalOf } from "../state/signals";
import { go } from "../state/view";
import { EdgeName, against } from "./worse";

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
              <b>
                <EdgeName data={data} row={row} plain />
              </b>{" "}
              <span>
                {signalOf(textAt(data, "signal", row)).label}: {against(data, row)}
              </span>
            </button>
          </li>
        ))}
      </ol>
      <button class="plain link" title="g h" onClick={() => go({ page: "health", rest: {} })}>all in Health</button>
    </div>
  );
}

function Sign({ severity }: { severity: string }) {
  const grave = severity === "critical";
  return (
    <span class={grave ? "bad" : "warn"} role="img" aria-label={severity}>
      {grave ? "▲" : "◆"}{" "}
    </span>
  );
}
