/** Who talks to whom, how much, and what is wrong, now or then. */
import "../style/map.css";
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { CopyMenu } from "../parts/copy-menu";
import { Differences } from "../parts/differences";
import { EdgeDrawer } from "../parts/edge-drawer";
import { Empty } from "../parts/empty";
import { Legend } from "../parts/legend";
import { MapList } from "../parts/map-list";
import { MapTip, type Hovered } from "../parts/map-tip";
import { MapTools, otherTime } from "../parts/map-tools";
import { PathPending } from "../parts/path-pending";
import { StateBox } from "../parts/state-box";
import { WorstStrip } from "../parts/worst-strip";
import { onKey } from "../state/keys";
import { shown } from "../state/time";
import { isEnd, openPath, pathFrom, pathKey } from "../state/path-ends";
import { set, view } from "../state/view";
import { watchWorst } from "../state/worst";
import { focusOf } from "../map/input/focus";
import { NOTHING, type Hit } from "../map/input/hit-test";
import { UNMARKED } from "../map/marks";
import { edgeKey, rowOf, type Graph } from "../map/model";
import { picture } from "../map/render/picture";
import { endsOf, standsIn } from "../map/terms";
import { spanOf, useMap, type TheMap } from "../map/use-map";
import { walk, walked, type Arrow } from "../map/input/arrow-keys";

export { mapMeta } from "../map/use-map";

/** Width of what lies over the right end of the map. */
const DRAWER_PX = 440;

const TWICE_MS = 450;

let current: TheMap | null = null;

/** The map as it is seen, as PNG. */
export async function mapPicture(): Promise<Blob> {
  const [scene, stage] = [current?.scene.value, current?.stage.current];
  const meta = current?.loaded.value.value?.meta;
  if (!scene || !stage || !meta) throw new Error("There is no map to take a picture of.");
  const filter = view.value.q ? ` · ${view.value.q}` : "";
  return picture(scene, stage.look(), `weir · ${shown(meta.from)} to ${shown(meta.to)} UTC${filter} · complete until ${shown(meta.complete_until)}`);
}

export function MapPage() {
  const hover = useSignal<Hovered>({ hit: NOTHING, x: 0, y: 0 });
  const map = useMap({
    hover: (hit, x, y) => {
      const before = hover.value.hit;
      if (before.shape !== hit.shape || before.edge !== hit.edge || hit.edge >= 0) hover.value = { hit, x, y };
    },
    pick: (hit, twice) => pick(map.scene.value?.graph ?? null, hit, twice),
    fold: (group) => unfold(group, false),
  });
  const { scene, stage, loaded } = map;
  const selected = useComputed(() => view.value.rest["sel"] ?? "");
  const wrongOnly = useComputed(() => view.value.rest["only"] === "wrong");
  const comparing = useComputed(() => Boolean(view.value.rest["compare"]));
  const onMap = useComputed(() => placeOf(scene.value?.graph ?? null, selected.value));

  useSignalEffect(() => {
    const now = scene.value;
    stage.current?.cover(selected.value || comparing.value ? DRAWER_PX : 0);
    if (now) stage.current?.emphasise(onMap.value, focusOf(now, onMap.value, hover.value.hit, wrongOnly.value));
  });
  useSignalEffect(() => {
    const key = onMap.value;
    const now = scene.peek();
    const row = now ? rowOf(now.graph, key) : null;
    if (!row || row.shape < 0) return;
    // Under a mouse nothing moves before a second click could have come.
    const timer = setTimeout(() => stage.current?.reveal([row.shape]), walked.to === key ? TWICE_MS : 0);
    return () => clearTimeout(timer);
  });
  useEffect(() => {
    current = map;
    return onKey(keysOf(map, () => onMap.value));
  }, []);
  useEffect(watchWorst, []);
  useEffect(() => () => void (pathFrom.value = ""), []);

  const graph = scene.value?.graph ?? null;
  const meta = loaded.value.value?.meta ?? null;
  const late = loaded.value.busy && Date.now() - map.since.current > 200;
  return (
    <div class="with-worst">
      <WorstStrip />
      <section class="map" aria-label="Map">
        <div class={`stage${late ? " busy" : ""}`}>
          <canvas ref={map.canvas} aria-hidden="true" />
          <MapTools map={map}>{meta ? <CopyMenu path="groups" parameters={map.parameters.value} sql={meta.sql} picture={mapPicture} /> : null}</MapTools>
          {graph ? <MapList graph={graph} marks={scene.value?.marks ?? UNMARKED} selected={onMap.value} open={(key) => unfold(key, true)} /> : null}
          <Legend scene={scene.value} meta={meta} />
          <MapTip scene={scene.value} seconds={meta ? spanOf(meta) : 1} hover={hover} />
          <PathPending />
          <StateBox loaded={loaded.value} since={map.since.current} empty={graph && graph.shapes.length === 0 ? <Empty meta={meta} /> : null} />
        </div>
        {graph && meta && selected.value ? <EdgeDrawer graph={graph} selected={selected.value} open={(key) => unfold(key, true)} /> : null}
        {graph && meta && !selected.value && comparing.value ? <Differences graph={graph} seconds={spanOf(meta)} /> : null}
      </section>
    </div>
  );
}

/** The shape or edge of the map that stands for what is selected, which may be folded into a group. */
function placeOf(graph: Graph | null, selected: string): string {
  if (!graph || !selected) return "";
  const keys = new Set(graph.shapes.map((shape) => shape.key));
  const ends = endsOf(selected);
  if (!ends) return standsIn(selected, keys);
  const [from, to] = [standsIn(ends[0], keys), standsIn(ends[1], keys)];
  return from && to ? `${from}>${to}` : from || to;
}

function unfold(key: string, opens: boolean): void {
  const others = (view.value.rest["open"] ?? "").split(",").filter((one) => one && one !== key);
  set({ open: (opens ? [...others, key] : others).join(","), sel: "" });
}

function pick(graph: Graph | null, hit: Hit, twice: boolean): void {
  if (!graph) return;
  const shape = graph.shapes[hit.shape];
  if (shape && twice && shape.kind === "group") unfold(shape.key, true);
  else if (shape && pathFrom.peek() && isEnd(shape.key) && shape.key !== pathFrom.peek()) openPath(pathFrom.peek(), shape.key);
  else choose(shape?.key ?? (hit.edge >= 0 ? edgeKey(graph, hit.edge) : ""));
}

function choose(key: string, replace = false): void {
  walked.to = key;
  set({ sel: key }, replace);
}

function keysOf(map: TheMap, onMap: () => string): Record<string, () => void> {
  const go = (arrow: Arrow) => (): void => {
    const scene = map.scene.value;
    if (!scene) return;
    const row = rowOf(scene.graph, onMap());
    const next = walk(scene, row.edge >= 0 ? ends(scene.graph, row.edge, arrow) : row.shape, arrow);
    const key = scene.graph.shapes[next]?.key;
    if (key) choose(key, Boolean(view.value.rest["sel"]));
  };
  const toggle = (name: string, value: string) => (): void => set({ [name]: view.value.rest[name] ? "" : value });
  return {
    f: () => map.stage.current?.fit(),
    e: toggle("only", "wrong"),
    u: () => set({ open: "", sel: "" }),
    c: () => set({ compare: view.value.rest["compare"] ? "" : otherTime() }),
    r: map.tidy,
    "+": () => map.stage.current?.zoom(1.25),
    "-": () => map.stage.current?.zoom(0.8),
    p: () => pathKey(view.value.rest["sel"] ?? ""),
    Escape: () => (pathFrom.value ? (pathFrom.value = "") : set({ sel: "" })),
    ArrowLeft: go("ArrowLeft"),
    ArrowRight: go("ArrowRight"),
    ArrowUp: go("ArrowUp"),
    ArrowDown: go("ArrowDown"),
    Enter: () => {
      const shape = map.scene.value?.graph.shapes.find((one) => one.key === onMap());
      if (shape?.kind === "group" && view.value.rest["sel"] === shape.key) unfold(shape.key, true);
      else document.querySelector<HTMLElement>(".drawer .neighbours button, .drawer .row button")?.focus();
    },
  };
}

/** From an edge, the arrows go to its ends. */
function ends(graph: Graph, edge: number, arrow: Arrow): number {
  return (arrow === "ArrowLeft" || arrow === "ArrowUp" ? graph.source[edge] : graph.target[edge]) ?? -1;
}
