/** How long frames took: for the tests, which read it through window.weirMap. */
const KEPT = 600;

export class Frames {
  /** When each frame began, and what drawing it cost on the main thread, in milliseconds. */
  readonly began: number[] = [];
  readonly cost: number[] = [];
  private start = 0;

  begin(now: number): void {
    this.start = performance.now();
    this.began.push(now);
    if (this.began.length > KEPT) this.began.shift();
  }

  end(): void {
    this.cost.push(performance.now() - this.start);
    if (this.cost.length > KEPT) this.cost.shift();
  }
}
