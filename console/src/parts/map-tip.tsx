/** What is under the pointer, in a few lines. */
import type { ReadonlySignal } from "@preact/signals";
import type { Hit } from "../map/input/hit-test";
import { healthOf } from "../map/severity";
import { changed, type Scene } from "../map/scene";
import { said, type Finding } from "../state/findings";
import { count, percent, rate } from "../state/format";

interface Props {
  scene: Scene | null;
  seconds: number;
  /** Read here alone: the rest of the page is not drawn again for it. */
  hover: ReadonlySignal<Hovered>;
}

export interface Hovered {
  hit: Hit;
  x: number;
  y: number;
}

const SAID = {
  workload: "a workload",
  group: "a group",
  outside: "outside of what weir watches",
  unnamed: "an end whose name is not known, and why",
  rest: "all that is too small to be drawn by itself",
};

export function MapTip({ scene, seconds, hover }: Props) {
  const { hit, x, y } = hover.value;
  if (!scene || (hit.shape < 0 && hit.edge < 0)) return null;
  const left = Math.min(x + 14, innerWidth - 360);
  return (
    <div class="tip" style={{ left: `${left}px`, top: `${y + 14}px` }}>
      {hit.shape >= 0 ? <ShapeTip scene={scene} at={hit.shape} seconds={seconds} /> : <EdgeTip scene={scene} edge={hit.edge} seconds={seconds} />}
    </div>
  );
}

function ShapeTip({ scene, at, seconds }: { scene: Scene; at: number; seconds: number }) {
  const shape = scene.graph.shapes[at];
  if (!shape) return null;
  const failing = scene.failing[at] ?? 0;
  const change = changed(shape.bytes, shape.before);
  return (
    <>
      <b>{shape.label}</b>
      <small>{shape.kind === "group" ? `a group of ${count(shape.members)}` : SAID[shape.kind]}</small>
      <span>
        {rate(shape.bytes, seconds)}
        {change ? `, ${change}` : ""}
      </span>
      {failing ? <span class="bad">{count(failing)} connections to it failed</span> : null}
      {shape.failed > failing ? <span class="bad">{count(shape.failed - failing)} connections from it failed</span> : null}
      <Found findings={scene.marks.shapes.get(at)} />
      {shape.kind === "group" ? <small>double click opens it</small> : null}
    </>
  );
}

function EdgeTip({ scene, edge, seconds }: { scene: Scene; edge: number; seconds: number }) {
  const { graph } = scene;
  const { opened, failed, reset } = healthOf(graph, edge);
  const change = changed(graph.bytes[edge] ?? 0, graph.before[edge] ?? 0);
  return (
    <>
      <b>
        {graph.shapes[graph.source[edge] ?? 0]?.label} → {graph.shapes[graph.target[edge] ?? 0]?.label}
      </b>
      <span>
        {rate(graph.bytes[edge] ?? 0, seconds)}
        {change ? `, ${change}` : ""}
      </span>
      <span>{count(opened)} connections opened</span>
      {failed ? (
        <span class="bad">
          {count(failed)} failed, {percent(failed / Math.max(1, opened + failed))} of all
        </span>
      ) : null}
      {reset ? <span class="warn">{count(reset)} reset</span> : null}
      <Found findings={scene.marks.edges.get(edge)} />
    </>
  );
}

const TOLD = 3;

function Found({ findings }: { findings: readonly Finding[] | undefined }) {
  if (!findings) return null;
  return (
    <>
      {findings.slice(0, TOLD).map((one) => (
        <span class={one.severity === "critical" ? "bad" : "warn"}>◆ {said(one)}</span>
      ))}
      {findings.length > TOLD ? <small>and {findings.length - TOLD} more findings</small> : null}
    </>
  );
}
