/** The map as a list: what a screen reader reads, and what Tab reaches. Seen only while it has the focus. */
import { useMemo, useRef } from "preact/hooks";
import { healthOf, ranked, severity } from "../map/severity";
import type { Marks } from "../map/marks";
import { edgeKey, type Graph } from "../map/model";
import { said, type Finding } from "../state/findings";
import { bytes, count } from "../state/format";
import { set } from "../state/view";

interface Props {
  graph: Graph;
  marks: Marks;
  selected: string;
  open: (key: string) => void;
}

/** More rows than this are read by nobody; the filter makes them fewer. */
const MOST = 100;

export function MapList({ graph, marks, selected, open }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const { shapes, edges } = useMemo(
    () => ({
      shapes: [...graph.shapes].sort((a, b) => b.bytes - a.bytes).slice(0, MOST),
      edges: ranked(graph, Array.from(graph.source, (_, at) => at)).slice(0, MOST),
    }),
    [graph],
  );
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    const items = [...(list.current?.querySelectorAll<HTMLButtonElement>("button") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLButtonElement);
    event.preventDefault();
    event.stopPropagation();
    items[(at + by + items.length) % items.length]?.focus();
  };
  return (
    <ul ref={list} class="map-list" aria-label="Shapes and edges of the map" onKeyDown={step}>
      {edges.filter((at) => severity(healthOf(graph, at)) > 0).map((at) => (
        <Edge graph={graph} at={at} selected={selected} found={marks.edges.get(at)} />
      ))}
      {shapes.map((shape, place) => (
        <li>
          <button
            tabIndex={place === 0 ? 0 : -1}
            aria-pressed={shape.key === selected}
            onClick={() => (shape.kind === "group" && shape.key === selected ? open(shape.key) : set({ sel: shape.key }))}
          >
            {shape.label}, {shape.kind}, {bytes(shape.bytes)}
            {shape.failed ? `, ${count(shape.failed)} failed connections` : ""}
            {told(marks.shapes.get(graph.shapes.indexOf(shape)))}
          </button>
        </li>
      ))}
      {edges.filter((at) => severity(healthOf(graph, at)) === 0).map((at) => (
        <Edge graph={graph} at={at} selected={selected} found={marks.edges.get(at)} />
      ))}
    </ul>
  );
}

function Edge({ graph, at, selected, found }: { graph: Graph; at: number; selected: string; found: readonly Finding[] | undefined }) {
  const failed = graph.failed[at] ?? 0;
  const label = (shape: number | undefined): string => graph.shapes[shape ?? 0]?.label ?? "";
  return (
    <li>
      <button tabIndex={-1} aria-pressed={edgeKey(graph, at) === selected} onClick={() => set({ sel: edgeKey(graph, at) })}>
        {label(graph.source[at])} calls {label(graph.target[at])}, {bytes(graph.bytes[at] ?? 0)}
        {failed ? `, ${count(failed)} failed connections` : ""}
        {told(found)}
      </button>
    </li>
  );
}

const told = (findings: readonly Finding[] | undefined): string => (findings ? `, found: ${findings.map(said).join(", ")}` : "");
