/** Layouts, computed beside the page: the newest asked for is told. */
import type { Done, Job } from "./layout.worker";
import type { Places } from "./layered";
import type { Graph } from "./model";

export class Layouts {
  private readonly worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" });
  private newest = 0;
  private tell: ((places: Places) => void) | null = null;

  constructor() {
    this.worker.onmessage = (event: MessageEvent<Done>) => {
      if (event.data.id === this.newest) this.tell?.(event.data.places);
    };
  }

  ask(graph: Graph): Promise<Places> {
    this.newest += 1;
    const job: Job = {
      id: this.newest,
      input: { keys: graph.shapes.map((shape) => shape.key), source: graph.source, target: graph.target, weight: graph.bytes },
      labels: graph.shapes.map((shape) => shape.label),
    };
    return new Promise((resolve) => {
      this.tell = resolve;
      this.worker.postMessage(job);
    });
  }

  close(): void {
    this.worker.terminate();
  }
}
