/** What is emphasised: what is selected or pointed at with its neighbours, or what is wrong. */
import type { Focus } from "./draw";
import type { Hit } from "./hit";
import { STATES, type Scene } from "./scene";

export function focusOf(scene: Scene, selected: string, hit: Hit, wrongOnly: boolean): Focus | null {
  const { graph } = scene;
  const name = (at: number): string => graph.shapes[at]?.key ?? "";
  const chosen = (edge: number): boolean => {
    const [from, to] = [graph.source[edge] ?? 0, graph.target[edge] ?? 0];
    if (hit.edge >= 0) return edge === hit.edge;
    if (hit.shape >= 0) return from === hit.shape || to === hit.shape;
    if (selected) return name(from) === selected || name(to) === selected || `${name(from)}>${name(to)}` === selected;
    return STATES[scene.state[edge] ?? 0] !== "plain";
  };
  if (hit.edge < 0 && hit.shape < 0 && !selected && !wrongOnly) return null;
  const edges = new Set<number>();
  const shapes = new Set<number>();
  for (let edge = 0; edge < graph.source.length; edge += 1) {
    if (!chosen(edge)) continue;
    edges.add(edge);
    shapes.add(graph.source[edge] ?? 0);
    shapes.add(graph.target[edge] ?? 0);
  }
  graph.shapes.forEach((shape, at) => {
    if (at === hit.shape || shape.key === selected) shapes.add(at);
  });
  return { edges, shapes };
}
