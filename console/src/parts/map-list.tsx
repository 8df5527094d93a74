/** The map as a list: what a screen reader reads, and what the arrow keys walk. Seen only while it has the focus. */
import { useRef } from "preact/hooks";
import { bytes, count } from "../state/format";
import { set, view } from "../state/view";
import type { Graph } from "../map/model";
import { edgeKey } from "../pages/map";

export function MapList({ graph, selected }: { graph: Graph; selected: string }) {
  const list = useRef<HTMLUListElement>(null);
  const rows = graph.shapes.map((shape, at) => ({ shape, at })).sort((a, b) => b.shape.bytes - a.shape.bytes);
  const edges = Array.from(graph.source, (_, at) => at).sort((a, b) => (graph.failed[b] ?? 0) - (graph.failed[a] ?? 0) || (graph.bytes[b] ?? 0) - (graph.bytes[a] ?? 0));
  const key = (event: KeyboardEvent): void => {
    const items = [...(list.current?.querySelectorAll<HTMLButtonElement>("button") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step === undefined || at < 0) return;
    event.preventDefault();
    items[(at + step + items.length) % items.length]?.focus();
  };
  return (
    <ul ref={list} class="map-list" aria-label="Shapes and edges of the map" onKeyDown={key}>
      {rows.map(({ shape }) => (
        <li>
          <button
            aria-pressed={shape.key === selected}
            onClick={() => set({ sel: shape.key })}
            onDblClick={() => set({ open: [view.value.rest["open"], shape.key].filter(Boolean).join(",") })}
          >
            {shape.label}, {shape.kind}, {bytes(shape.bytes)}
            {shape.failed ? `, ${count(shape.failed)} failed connections` : ""}
          </button>
        </li>
      ))}
      {edges.map((at) => (
        <li>
          <button aria-pressed={edgeKey(graph, at) === selected} onClick={() => set({ sel: edgeKey(graph, at) })}>
            {graph.shapes[graph.source[at] ?? 0]?.label} calls {graph.shapes[graph.target[at] ?? 0]?.label}, {bytes(graph.bytes[at] ?? 0)}
            {graph.failed[at] ? `, ${count(graph.failed[at] ?? 0)} failed connections` : ""}
          </button>
        </li>
      ))}
    </ul>
  );
}
