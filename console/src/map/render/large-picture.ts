/**
 * The picture of a map of very many shapes. It is drawn in a worker, wider than the page shows it; the page moves and scales what it has
 * until a sharper one comes. What is emphasised is drawn over it at once.
 */
import { toScreen } from "./camera";
import { drawFocus } from "./draw";
import type { Viewpoint } from "./viewpoint";
import type { Painted } from "./paint.worker";
import type { Scene } from "../scene";

/** So much wider and higher than the page is the picture, so that there is something to move in. */
const WIDER = 1.5;
const VEIL = 0.78;
/** Between two pictures: the worker leaves the processors to the page while a hand moves the map. */
const PAUSE_MS = 120;

export class LargePicture {
  private readonly worker = new Worker(new URL("./paint.worker.ts", import.meta.url), { type: "module" });
  private scene: Scene | null = null;
  private bitmap: ImageBitmap | null = null;
  /** How `bitmap` was looked at, and how the one that is being drawn is. */
  private drawn: Viewpoint | null = null;
  private asked: Viewpoint | null = null;
  private id = 0;
  private late = false;
  private taken = 0;
  private timer = 0;

  constructor(private readonly ready: () => void) {
    this.worker.onmessage = ({ data }: MessageEvent<Painted>) => this.take(data);
  }

  show(scene: Scene): void {
    this.scene = scene;
    this.worker.postMessage({ scene });
    this.late = true;
  }

  /** False: there is no picture yet. */
  paint(context: CanvasRenderingContext2D, look: Viewpoint): boolean {
    if (!this.asked && (this.late || !this.drawn || !same(this.drawn, look))) this.soon(look);
    const { width, height, ratio, colours, camera } = look;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colours.bg;
    context.fillRect(0, 0, width, height);
    const shown = this.drawn;
    if (!this.bitmap || !shown) return false;
    const grown = camera.scale / shown.camera.scale;
    const [x, y] = toScreen(camera, shown.camera.x, shown.camera.y, width, height);
    const [wide, high] = [shown.width * grown, shown.height * grown];
    context.imageSmoothingQuality = "low";
    context.drawImage(this.bitmap, x - wide / 2, y - high / 2, wide, high);
    if (look.focus && this.scene) {
      context.globalAlpha = VEIL;
      context.fillRect(0, 0, width, height);
      context.globalAlpha = 1;
      drawFocus(context, this.scene, look);
    }
    return true;
  }

  close(): void {
    clearTimeout(this.timer);
    this.worker.terminate();
    this.bitmap?.close();
  }

  private soon(look: Viewpoint): void {
    const wait = PAUSE_MS - (performance.now() - this.taken);
    if (wait <= 0) return this.ask(look);
    clearTimeout(this.timer);
    this.timer = window.setTimeout(this.ready, wait);
  }

  private ask(look: Viewpoint): void {
    this.late = false;
    this.id += 1;
    this.asked = { ...look, width: look.width * WIDER, height: look.height * WIDER, focus: null, selected: "" };
    this.worker.postMessage({ id: this.id, look: this.asked });
  }

  private take({ bitmap }: Painted): void {
    this.bitmap?.close();
    this.bitmap = bitmap;
    this.drawn = this.asked;
    this.asked = null;
    this.taken = performance.now();
    this.ready();
  }
}

/** Whether a picture is as sharp as it can be for a look, and of the same place. */
function same(of: Viewpoint, look: Viewpoint): boolean {
  const [a, b] = [of.camera, look.camera];
  return a.x === b.x && a.y === b.y && a.scale === b.scale && of.width === look.width * WIDER && of.height === look.height * WIDER && of.colours === look.colours && of.seconds === look.seconds;
}
