/** What is different from another time: a table, the worst first. */
import { edgeKey, type Graph, type Status } from "../map/model";
import { changed } from "../map/scene";
import { count, rate } from "../state/format";
import { set } from "../state/view";

const ORDER: readonly Status[] = ["failing", "new", "gone", "more", "less"];
const SIGNS: Record<Status, string> = { failing: "▲", new: "+", gone: "−", more: "↑", less: "↓", "": "" };
const CLASSES: Record<Status, string> = { failing: "bad", new: "good", gone: "quiet", more: "", less: "quiet", "": "" };
const SHOWN = 200;

export function Differences({ graph, seconds }: { graph: Graph; seconds: number }) {
  const rows = Array.from(graph.status, (status, edge) => ({ status, edge })).filter((row) => row.status);
  const apart = (edge: number): number => Math.abs((graph.bytes[edge] ?? 0) - (graph.before[edge] ?? 0));
  rows.sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status) || apart(b.edge) - apart(a.edge) || a.edge - b.edge);
  const many = ORDER.map((status) => ({ status, size: rows.filter((row) => row.status === status).length })).filter((one) => one.size);
  return (
    <aside class="drawer" aria-label="Differences">
      <button class="plain close" aria-label="Compare no longer" onClick={() => set({ compare: "" })}>
        ×
      </button>
      <h2>What is different</h2>
      <p class="quiet">{many.length ? many.map((one) => `${one.size} ${one.status}`).join(", ") : "Nothing is new, gone, failing, or much more or less than at the other time."}</p>
      {rows.length ? (
        <table aria-label="Differences">
          <thead>
            <tr>
              <th>what</th>
              <th>edge</th>
              <th class="number">before</th>
              <th class="number">now</th>
              <th class="number">change</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, SHOWN).map(({ status, edge }) => (
              <tr>
                <td class={CLASSES[status]}>
                  {SIGNS[status]} {status}
                </td>
                <td>
                  <button class="plain" onClick={() => set({ sel: edgeKey(graph, edge) })}>
                    {graph.shapes[graph.source[edge] ?? 0]?.label} → {graph.shapes[graph.target[edge] ?? 0]?.label}
                  </button>
                </td>
                <td class="number">{rate(graph.before[edge] ?? 0, seconds)}</td>
                <td class="number">{rate(graph.bytes[edge] ?? 0, seconds)}</td>
                <td class="number">
                  {status === "failing" ? `${count(graph.beforeFailed[edge] ?? 0)} → ${count(graph.failed[edge] ?? 0)} failed` : changed(graph.bytes[edge] ?? 0, graph.before[edge] ?? 0)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {rows.length > SHOWN ? <p class="quiet">and {rows.length - SHOWN} more: a filter makes them fewer.</p> : null}
    </aside>
  );
}
