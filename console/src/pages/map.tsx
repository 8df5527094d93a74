/** Who talks to whom, how much, and what is wrong, now or then. */
import { signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { get } from "../api/client";
import type { GroupsAnswer, Meta } from "../api/types";
import { EdgeDrawer } from "../parts/edge-drawer";
import { CopyMenu } from "../parts/copy-menu";
import { MapList } from "../parts/map-list";
import { Empty } from "../parts/empty";
import { StateBox } from "../parts/state-box";
import { bytes, count, percent } from "../state/format";
import { onKey } from "../state/keys";
import { load } from "../state/loaded";
import { now, paused, tick } from "../state/status";
import { seconds } from "../state/time";
import { go, isLive, set, view } from "../state/view";
import { NOTHING, type Hit } from "../map/hit";
import { settle, type Kept } from "../map/keep";
import { Layouts } from "../map/layout";
import { graphOf, type Graph } from "../map/model";
import { sceneOf, type Scene } from "../map/scene";
import { Stage } from "../map/stage";
import { focusOf } from "../map/focus";

/** What the map says of the whole, for the truth line. */
export const mapMeta = signal<Meta | null>(null);

const kept = new Map<string, Kept>();

export function MapPage() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const stage = useRef<Stage | null>(null);
  const scene = useSignal<Scene | null>(null);
  const hover = useSignal<{ hit: Hit; x: number; y: number }>({ hit: NOTHING, x: 0, y: 0 });
  const since = useRef(0);
  const parameters = useComputed(() => {
    const { from, to, q, rest } = view.value;
    return { from, to, q, fold: rest["fold"], open: rest["open"], compare: rest["compare"], limit: rest["limit"] };
  });
  const loaded = useMemo(
    () =>
      load<GroupsAnswer>(() => {
        void (isLive.value && !paused.value && tick.value);
        const asked = parameters.value;
        since.current = Date.now();
        return (signal) => get("groups", asked, signal);
      }),
    [],
  );
  const layouts = useMemo(() => new Layouts(), []);
  const selected = useComputed(() => view.value.rest["sel"] ?? "");
  const errorsOnly = useComputed(() => view.value.rest["only"] === "wrong");

  useEffect(() => {
    if (!canvas.current) return;
    const own = new Stage(canvas.current, {
      hover: (hit, x, y) => {
        const before = hover.value.hit;
        if (before.shape !== hit.shape || before.edge !== hit.edge || hit.edge >= 0) hover.value = { hit, x, y };
      },
      pick: (hit, twice) => pick(scene.value?.graph ?? null, hit, twice),
    });
    stage.current = own;
    const themes = new MutationObserver(() => own.themed());
    themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const changed = (): void => own.themed();
    scheme.addEventListener("change", changed);
    return () => {
      own.close();
      themes.disconnect();
      scheme.removeEventListener("change", changed);
      loaded.stop();
      layouts.close();
    };
  }, []);

  useSignalEffect(() => {
    const answer = loaded.state.value.value;
    if (!answer) return;
    mapMeta.value = answer.meta;
    const graph = graphOf(answer);
    const fold = answer.meta.fold ?? "";
    void layouts.ask(graph).then((wanted) => {
      const own = kept.get(fold) ?? new Map();
      kept.set(fold, own);
      scene.value = sceneOf(graph, settle(graph.shapes.map((shape) => shape.key), wanted, own));
      const span = (Date.parse(answer.meta.to) - Date.parse(answer.meta.from)) / 1_000;
      stage.current?.show(scene.value, span);
    });
  });
  useSignalEffect(() => {
    const now = scene.value;
    if (now) stage.current?.emphasise(selected.value, focusOf(now, selected.value, hover.value.hit, errorsOnly.value));
  });

  useEffect(
    () =>
      onKey({
        f: () => stage.current?.fit(),
        e: () => set({ only: errorsOnly.value ? "" : "wrong" }),
        u: () => set({ open: "", sel: "" }),
        c: () => set({ compare: view.value.rest["compare"] ? "" : "-1d" }),
        "+": () => stage.current?.zoom(1.25),
        "-": () => stage.current?.zoom(0.8),
        Escape: () => set({ sel: "" }),
      }),
    [],
  );

  const graph = scene.value?.graph ?? null;
  const meta = loaded.state.value.value?.meta ?? null;
  return (
    <section class="map" aria-label="Map">
      <div class={`stage${loaded.state.value.busy && Date.now() - since.current > 200 ? " busy" : ""}`}>
        <canvas ref={canvas} aria-hidden="true" />
        {graph ? <MapList graph={graph} selected={selected.value} /> : null}
        <Legend graph={graph} meta={meta} />
        <Tip scene={scene.value} stage={stage.current} {...hover.value} />
        <div class="tools">
          <Fold />
          <button aria-pressed={errorsOnly.value} title="Only what is wrong ( e )" onClick={() => set({ only: errorsOnly.value ? "" : "wrong" })}>
            only wrong
          </button>
          <Compare />
          <button title="Fit ( f )" onClick={() => stage.current?.fit()}>
            fit
          </button>
          {meta ? <CopyMenu path="groups" parameters={parameters.value} sql={meta.sql} picture={() => canvas.current} /> : null}
        </div>
        <StateBox loaded={loaded.state.value} since={since.current} empty={graph && graph.shapes.length === 0 ? <Empty /> : null} />
      </div>
      {graph && selected.value ? <EdgeDrawer graph={graph} selected={selected.value} /> : null}
    </section>
  );
}

function pick(graph: Graph | null, hit: Hit, twice: boolean): void {
  if (!graph) return;
  const shape = graph.shapes[hit.shape];
  if (shape && twice && shape.kind === "group") {
    const open = (view.value.rest["open"] ?? "").split(",").filter(Boolean);
    set({ open: [...open, shape.key].join(","), sel: "" });
  } else if (shape) set({ sel: shape.key });
  else if (hit.edge >= 0) set({ sel: edgeKey(graph, hit.edge) });
  else set({ sel: "" });
}

export const edgeKey = (graph: Graph, edge: number): string =>
  `${graph.shapes[graph.source[edge] ?? 0]?.key ?? ""}>${graph.shapes[graph.target[edge] ?? 0]?.key ?? ""}`;

function Fold() {
  return (
    <label>
      fold by{" "}
      <select value={view.value.rest["fold"] ?? "auto"} onChange={(event) => set({ fold: event.currentTarget.value === "auto" ? "" : event.currentTarget.value, open: "", sel: "" })}>
        {["auto", "none", "namespace", "zone", "prefix"].map((fold) => (
          <option value={fold}>{fold === "auto" ? "itself" : fold === "none" ? "nothing" : fold}</option>
        ))}
      </select>
    </label>
  );
}

function Compare() {
  const before = view.value.rest["compare"] ?? "";
  return (
    <label title="Compare with another time ( c )">
      against{" "}
      <select value={before} onChange={(event) => set({ compare: event.currentTarget.value })}>
        <option value="">no other time</option>
        <option value="-15m">15 min before</option>
        <option value="-1h">1 h before</option>
        <option value="-1d">a day before</option>
        <option value="-1w">a week before</option>
        {before && !["-15m", "-1h", "-1d", "-1w"].includes(before) ? <option value={before}>{before}</option> : null}
      </select>
    </label>
  );
}

function Legend({ graph, meta }: { graph: Graph | null; meta: Meta | null }) {
  if (!graph || !meta) return null;
  const rest = meta.rest ?? {};
  const failing = graph.failed.reduce((sum, failed) => sum + (failed > 0 ? 1 : 0), 0);
  const total = Number(meta.total["bytes"] ?? 0);
  const left = Number(rest["bytes"] ?? 0);
  return (
    <p class="legend">
      {graph.shapes.length} shapes, {count(graph.source.length)} edges, {bytes(total)}
      {failing ? (
        <button class="plain bad" onClick={() => set({ only: "wrong" })}>
          {failing} failing
        </button>
      ) : null}
      {Number(rest["edges"] ?? 0) > 0 ? (
        <span>
          and {count(Number(rest["edges"]))} smaller edges with {percent(total ? left / total : 0)} of the bytes
        </span>
      ) : null}
    </p>
  );
}

function Tip({ scene, stage, hit, x, y }: { scene: Scene | null; stage: Stage | null; hit: Hit; x: number; y: number }) {
  if (!scene || !stage || (hit.shape < 0 && hit.edge < 0)) return null;
  const { graph } = scene;
  const shape = graph.shapes[hit.shape];
  const at = seconds(view.value.to, now()) ?? now();
  const span = Math.max(1, at - (seconds(view.value.from, at) ?? at - 900));
  if (shape) {
    return (
      <div class="tip" style={{ left: `${x + 14}px`, top: `${y + 14}px` }}>
        <b>{shape.label}</b>
        <span>{bytes(shape.bytes / span)}/s</span>
        {shape.failed ? <span class="bad">{count(shape.failed)} failed connections</span> : null}
        {shape.kind === "group" ? <small>double-click opens its {shape.members} members</small> : null}
      </div>
    );
  }
  const edge = hit.edge;
  const opened = graph.opened[edge] ?? 0;
  const failed = graph.failed[edge] ?? 0;
  return (
    <div class="tip" style={{ left: `${x + 14}px`, top: `${y + 14}px` }}>
      <b>
        {graph.shapes[graph.source[edge] ?? 0]?.label} → {graph.shapes[graph.target[edge] ?? 0]?.label}
      </b>
      <span>{bytes((graph.bytes[edge] ?? 0) / span)}/s</span>
      <span>
        {count(opened)} connections{failed ? <b class="bad"> · {count(failed)} failed ({percent(failed / Math.max(1, opened + failed))})</b> : null}
      </span>
    </div>
  );
}

export const goTo = (term: string): void => go({ q: [view.value.q, term].filter(Boolean).join(" ") });
