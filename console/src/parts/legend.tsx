/** What the map shows of the whole, and what its signs mean. */
import { isWrong, type Scene } from "../map/scene";
import type { Meta } from "../api/types";
import { bytes, count, number, percent } from "../state/format";
import { set, view } from "../state/view";

export function Legend({ scene, meta }: { scene: Scene | null; meta: Meta | null }) {
  if (!scene || !meta) return null;
  const { graph } = scene;
  const wrong = [...scene.order].filter((edge) => isWrong(scene, edge)).length;
  const total = number(meta.total["bytes"]);
  const rest = meta.rest ?? {};
  return (
    <div class="legend">
      <details>
        <summary>signs</summary>
        <Signs />
      </details>
      <span>
        {graph.shapes.length} shapes, {count(graph.source.length)} edges, {bytes(total)}
      </span>
      {number(rest["edges"]) > 0 ? (
        <span>
          and {count(number(rest["edges"]))} smaller edges with {bytes(number(rest["bytes"]))}, {percent(total ? number(rest["bytes"]) / total : 0)} of all
        </span>
      ) : null}
      {wrong ? (
        <button class="plain bad" aria-pressed={view.value.rest["only"] === "wrong"} onClick={() => set({ only: view.value.rest["only"] ? "" : "wrong" })}>
          {wrong} {wrong === 1 ? "edge" : "edges"} wrong
        </button>
      ) : null}
    </div>
  );
}

const LINES = [
  { name: "plain", text: "calls, the wider the more bytes; the arrow points at the server" },
  { name: "failing", text: "1 % of connections or more fail, between two ends that it stands for" },
  { name: "reset", text: "more than 2 % of connections are reset" },
  { name: "resent", text: "more than 2 % of packets are sent again" },
  { name: "new", text: "+ new: not there at the other time" },
  { name: "gone", text: "− gone: only at the other time" },
  { name: "more", text: "more bytes than at the other time" },
  { name: "less", text: "fewer bytes than at the other time" },
];
const DASHES: Record<string, string> = { failing: "9 4", reset: "10 3 2 3", resent: "1 4", gone: "2 5" };

function Signs() {
  return (
    <ul class="signs">
      {LINES.map(({ name, text }) => (
        <li>
          <svg class={`sign ${name}`} viewBox="0 0 44 12" width="44" height="12" aria-hidden="true">
            <path d="M1 6H34" stroke-dasharray={DASHES[name]} />
            <path d="M34 2L43 6L34 10Z" class="tip-of" />
          </svg>
          {text}
        </li>
      ))}
      <li>
        <b aria-hidden="true">▤</b>a group; double click or Enter opens it, its name folds it again, u folds all
      </li>
      <li>
        <b aria-hidden="true">☁</b>outside, known by the name that was asked for
      </li>
      <li>
        <b aria-hidden="true">?</b>an end without a name, and why
      </li>
      <li>
        <b aria-hidden="true">…</b>the rest: all shapes that are too small for the map
      </li>
      <li>
        <b class="bad" aria-hidden="true">▲</b>calls to it fail
      </li>
      <li>
        <b class="warn" aria-hidden="true">◆</b>the detector has found something; the time bar shows since when
      </li>
    </ul>
  );
}
