/** Layouts, computed beside the page. The members of an open group count as the group: what is around it does not depend on whether it is open. */
import type { Done, Job } from "./layout.worker";
import type { Graph } from "../model";
import type { Input, Point } from "./plane";

export type Wanted = ReadonlyMap<string, Point>;

export class Layouts {
  private readonly worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, (done: Done) => void>();
  private last = 0;
  /** How long the newest layout took in the worker. */
  ms = 0;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<Done>) => {
      this.ms = data.ms;
      this.waiting.get(data.id)?.(data);
      this.waiting.delete(data.id);
    };
  }

  async ask(graph: Graph): Promise<Wanted> {
    const input = folded(graph);
    this.last += 1;
    const job: Job = { id: this.last, input };
    const done = await new Promise<Done>((resolve) => {
      this.waiting.set(job.id, resolve);
      this.worker.postMessage(job);
    });
    return new Map(input.keys.map((key, at) => [key, [done.places.x[at] ?? 0, done.places.y[at] ?? 0]]));
  }

  close(): void {
    this.worker.terminate();
  }
}

function folded(graph: Graph): Input {
  const row = new Map<string, number>();
  const labels: string[] = [];
  const place = graph.shapes.map(({ key, group, label }) => {
    const own = group || key;
    const known = row.get(own);
    if (known !== undefined) return known;
    row.set(own, labels.length);
    labels.push(label);
    return labels.length - 1;
  });
  const at = (shape: number): number => place[shape] ?? 0;
  return { keys: [...row.keys()], labels, source: Array.from(graph.source, at), target: Array.from(graph.target, at), weight: Array.from(graph.bytes) };
}
