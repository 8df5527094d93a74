/** What is emphasised: what is selected or pointed at with its neighbours, or what is wrong. */
import type { Focus } from "../render/viewpoint";
import type { Hit } from "./hit-test";
import { rowOf } from "../model";
import { isWrong, type Scene } from "../scene";

/** `selected`: a key of the map. Null: nothing is emphasised. */
export function focusOf(scene: Scene, selected: string, hit: Hit, wrongOnly: boolean): Focus | null {
  const { graph } = scene;
  const pointed = hit.edge >= 0 || hit.shape >= 0;
  const chosen = pointed ? hit : rowOf(graph, selected);
  const nothing = chosen.edge < 0 && chosen.shape < 0;
  if (nothing && !wrongOnly) return null;
  const edges = new Set<number>();
  const shapes = new Set<number>(chosen.shape >= 0 ? [chosen.shape] : []);
  for (let edge = 0; edge < graph.source.length; edge += 1) {
    const [from, to] = [graph.source[edge] ?? 0, graph.target[edge] ?? 0];
    const own = nothing ? isWrong(scene, edge) : chosen.edge >= 0 ? edge === chosen.edge : from === chosen.shape || to === chosen.shape;
    if (!own || (wrongOnly && !pointed && !isWrong(scene, edge))) continue;
    edges.add(edge);
    shapes.add(from);
    shapes.add(to);
  }
  return { edges, shapes };
}
