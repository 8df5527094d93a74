/** The map of the page: asked for, laid out beside the page, and shown; the places of its shapes stay from one answer to the next. */
import { signal, useComputed, useSignal, useSignalEffect, type ReadonlySignal, type Signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Parameters } from "../api/client";
import type { GroupsAnswer, Meta } from "../api/types";
import { findings, within } from "../state/findings";
import { load, type Loaded } from "../state/loaded";
import { paused, tick } from "../state/status";
import { isLive, view } from "../state/view";
import { Answers } from "./prefetch";
import { StablePlaces } from "./layout/stable-places";
import { expose, hide } from "./test-hook";
import { ISLAND_PITCH } from "./layout/islands";
import { Layouts } from "./layout/layout";
import { COLUMNS_UP_TO } from "./layout/limits";
import { marksOf, type Marks } from "./marks";
import { graphOf, type Graph } from "./model";
import { PITCH } from "./layout/plane";
import { sceneOf, type Scene } from "./scene";
import { Stage, type Calls } from "./render/stage";

/** What the map says of the whole, for the truth line. */
export const mapMeta = signal<Meta | null>(null);

/** What a ref holds. */
interface Held<T> {
  current: T;
}

const KEPT = 20;
/** Outlives the page: who comes back finds every shape where it was. */
const kept = new Map<string, StablePlaces>();

export interface TheMap {
  canvas: RefObject<HTMLCanvasElement | null>;
  stage: Held<Stage | null>;
  scene: Signal<Scene | null>;
  loaded: ReadonlySignal<Loaded<GroupsAnswer>>;
  parameters: ReadonlySignal<Parameters>;
  /** When the present question was asked, in milliseconds. */
  since: Held<number>;
  /** Lays it out anew. */
  tidy(): void;
}

const open = (): string[] => (view.value.rest["open"] ?? "").split(",").filter(Boolean);

/** Shapes that are asked for: a group that opens does not push others out of the picture. */
function limit(): string {
  const { limit: own, fold } = view.value.rest;
  if (own) return own;
  return fold === "none" ? "2000" : open().length ? String(Math.min(300, 60 + 60 * open().length)) : "";
}

export function useMap(calls: Calls): TheMap {
  const canvas = useRef<HTMLCanvasElement>(null);
  const stage = useRef<Stage | null>(null);
  const scene = useSignal<Scene | null>(null);
  const since = useRef(0);
  const anew = useSignal(0);
  const question = useComputed(() => {
    const { from, to, q, rest } = view.value;
    return JSON.stringify({ from, to, q, fold: rest["fold"], open: rest["open"], compare: rest["compare"], limit: limit() });
  });
  const parameters = useComputed(() => JSON.parse(question.value) as Parameters);
  const { loaded, layouts } = useMemo(() => begin(parameters, since), []);
  const shown = useRef("");

  useEffect(() => {
    if (!canvas.current) return;
    const own = new Stage(canvas.current, calls);
    stage.current = own;
    expose(own, () => scene.value, () => layouts.ms);
    const unwatch = onTheme(() => own.themed());
    return () => {
      own.close();
      hide();
      unwatch();
      loaded.stop();
      layouts.close();
    };
  }, []);
  useSignalEffect(() => {
    void anew.value;
    const answer = loaded.state.value.value;
    if (!answer) return;
    mapMeta.value = answer.meta;
    const graph = graphOf(answer);
    void layouts.ask(graph).then((wanted) => {
      const large = wanted.size > COLUMNS_UP_TO;
      const which = `${answer.meta.fold} ${large} ${parameters.peek()["q"]}`;
      const next = sceneOf(graph, stablePlacesOf(which, large).settle(graph.shapes, wanted), large, marks(graph, answer.meta));
      const before = scene.peek();
      scene.value = next;
      stage.current?.show(next, spanOf(answer.meta), which !== shown.current || !before);
      if (before && which === shown.current) stage.current?.reveal(opened(before, next));
      shown.current = which;
      if (window.weirMap) window.weirMap.shown += 1;
    });
  });
  useSignalEffect(() => {
    void findings.value;
    const [before, meta] = [scene.peek(), loaded.state.peek().value?.meta];
    if (!before || !meta) return;
    const found = marks(before.graph, meta);
    if (!found.shapes.size && !found.edges.size && !before.marks.shapes.size && !before.marks.edges.size) return;
    scene.value = sceneOf(before.graph, before.places, before.large, found);
    stage.current?.show(scene.value, spanOf(meta), false);
  });
  const tidy = (): void => {
    kept.delete(shown.current);
    shown.current = "";
    anew.value += 1;
  };
  return { canvas, stage, scene, loaded: loaded.state, parameters, since, tidy };
}

function begin(parameters: ReadonlySignal<Parameters>, since: Held<number>) {
  const answers = new Answers();
  const loaded = load<GroupsAnswer>(() => {
    void (isLive.value && !paused.value && tick.value);
    const asked = parameters.value;
    since.current = Date.now();
    return (stop) => answers.ask(asked, stop);
  });
  return { loaded, layouts: new Layouts() };
}

export const spanOf = (meta: Meta): number => Math.max(1, (Date.parse(meta.to) - Date.parse(meta.from)) / 1_000);

/** Findings of the span that is shown. */
const marks = (graph: Graph, meta: Meta): Marks => marksOf(graph, within(findings.peek(), Date.parse(meta.from) / 1_000, Date.parse(meta.to) / 1_000));

function stablePlacesOf(which: string, large: boolean): StablePlaces {
  const found = kept.get(which) ?? new StablePlaces(large ? ISLAND_PITCH : PITCH);
  kept.delete(which);
  kept.set(which, found);
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT) break;
    kept.delete(oldest);
  }
  return found;
}

/** Rows of the members of groups that were not open before. */
function opened(before: Scene, now: Scene): number[] {
  const groups = new Set(before.graph.shapes.map((shape) => shape.group));
  return now.graph.shapes.flatMap((shape, at) => (shape.group && !groups.has(shape.group) ? [at] : []));
}

function onTheme(changed: () => void): () => void {
  const themes = new MutationObserver(changed);
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", changed);
  return () => {
    themes.disconnect();
    scheme.removeEventListener("change", changed);
  };
}
