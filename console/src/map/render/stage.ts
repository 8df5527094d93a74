/** The canvas: drawn when something has changed, once a frame at most. Knows nothing of pages and questions. */
import { LargePicture } from "./large-picture";
import { fit, toScreen, toWorld, zoomed, type Camera } from "./camera";
import { draw } from "./draw";
import { HEAD, headOf } from "./draw-shapes";
import { Frames } from "./frames";
import { Finder, NOTHING, type Hit } from "../input/hit-test";
import type { Focus, Viewpoint } from "./viewpoint";
import { palette, type Palette } from "./palette";
import { BOX, type Point } from "../layout/plane";
import { listen, type Pointed } from "../input/pointer";
import type { Scene } from "../scene";

export interface Calls {
  hover(hit: Hit, x: number, y: number): void;
  pick(hit: Hit, twice: boolean): void;
  /** The name of an open group was clicked. */
  fold(group: string): void;
}

const GLIDE_MS = 220;

export class Stage implements Pointed {
  readonly frames = new Frames();
  private readonly context: CanvasRenderingContext2D;
  private readonly watcher: ResizeObserver;
  private camera: Camera = { x: 0, y: 0, scale: 1 };
  private colours: Palette;
  private scene: Scene | null = null;
  /** Draws what is too much for a frame; null: the scene is drawn here. */
  private largePicture: LargePicture | null = null;
  private finder: Finder | null = null;
  private focus: Focus | null = null;
  private selected = "";
  private seconds = 1;
  private asked = 0;
  private gliding = 0;
  private moved = false;
  private covered = 0;
  private width = 0;
  private height = 0;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly calls: Calls,
  ) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("This browser has no canvas.");
    this.context = context;
    this.colours = palette(canvas.parentElement ?? document.body);
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(canvas);
    this.resize();
    listen(canvas, this);
  }

  /** `refit`: it is another picture. Otherwise nothing moves that has not moved. */
  show(scene: Scene, seconds: number, refit: boolean): void {
    this.scene = scene;
    this.finder = null;
    this.seconds = seconds;
    this.beside(scene);
    if (refit) this.fit(false);
    this.repaint();
  }

  emphasise(selected: string, focus: Focus | null): void {
    this.selected = selected;
    this.focus = focus;
    this.repaint();
  }

  /** So many pixels at the right end lie under something else. */
  cover(pixels: number): void {
    this.covered = pixels;
  }

  fit(glides = true): void {
    if (!this.scene || !this.width) return;
    this.moved = false;
    this.go(fit(this.scene.places, this.width, this.height, this.covered), glides);
  }

  zoom(factor: number): void {
    this.zoomAt(factor, (this.width - this.covered) / 2, this.height / 2);
  }

  zoomAt(factor: number, x: number, y: number): void {
    this.stop();
    this.camera = zoomed(this.camera, factor, x, y, this.width, this.height);
    this.moved = true;
    this.repaint();
  }

  pan(dx: number, dy: number): void {
    this.stop();
    this.camera = { ...this.camera, x: this.camera.x + dx / this.camera.scale, y: this.camera.y + dy / this.camera.scale };
    this.moved = true;
    this.repaint();
  }

  /** Looks so that these shapes are in the picture; does not move where they are. */
  reveal(shapes: readonly number[]): void {
    const seen = shapes.every((shape) => {
      const [x, y] = this.screen(shape);
      const [wide, high] = [(BOX.width / 2) * this.camera.scale, (BOX.height / 2) * this.camera.scale];
      return x >= wide && y >= high + 40 && x <= this.width - this.covered - wide && y <= this.height - high;
    });
    if (seen || !this.scene) return;
    const { places } = this.scene;
    if (shapes.length > 1) return this.fit();
    const shape = shapes[0] ?? 0;
    this.go({ ...this.camera, x: (places.x[shape] ?? 0) + this.covered / 2 / this.camera.scale, y: places.y[shape] ?? 0 }, true);
  }

  /** Where a place is on the canvas, in CSS pixels. */
  at(x: number, y: number): Point {
    return toScreen(this.camera, x, y, this.width, this.height);
  }

  /** Where a shape's middle is on the canvas, in CSS pixels. */
  screen(shape: number): Point {
    return this.at(this.scene?.places.x[shape] ?? 0, this.scene?.places.y[shape] ?? 0);
  }

  themed(): void {
    this.colours = palette(this.canvas.parentElement ?? document.body);
    this.repaint();
  }

  close(): void {
    this.watcher.disconnect();
    this.stop();
    this.largePicture?.close();
    cancelAnimationFrame(this.asked);
  }

  look(): Viewpoint {
    const { width, height, camera, colours, selected, focus, seconds } = this;
    return { width, height, ratio: devicePixelRatio, camera, colours, selected, focus, seconds };
  }

  hover(x: number, y: number): void {
    const hit = this.hit(x, y);
    this.canvas.style.cursor = hit === NOTHING && !this.head(x, y) ? "" : "pointer";
    this.calls.hover(hit, x, y);
  }

  leave(): void {
    this.calls.hover(NOTHING, 0, 0);
  }

  pick(x: number, y: number, twice: boolean): void {
    const group = this.head(x, y);
    if (group) this.calls.fold(group);
    else this.calls.pick(this.hit(x, y), twice);
  }

  private beside(scene: Scene): void {
    if (scene.large) {
      this.largePicture ??= new LargePicture(() => this.repaint());
      this.largePicture.show(scene);
    } else {
      this.largePicture?.close();
      this.largePicture = null;
    }
  }

  private paint(): void {
    if (!this.scene || !this.width) return;
    if (this.largePicture) this.largePicture.paint(this.context, this.look());
    else draw(this.context, this.scene, this.look());
  }

  private repaint(): void {
    if (this.asked) return;
    this.asked = requestAnimationFrame((now) => {
      this.asked = 0;
      this.frames.begin(now);
      this.paint();
      this.frames.end();
    });
  }

  private go(to: Camera, glides: boolean): void {
    this.stop();
    const from = this.camera;
    const start = performance.now();
    if (!glides || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.camera = to;
      return this.repaint();
    }
    const step = (now: number): void => {
      const share = Math.min(1, Math.max(0, (now - start) / GLIDE_MS));
      const eased = 1 - (1 - share) ** 3;
      const mix = (a: number, b: number): number => a + (b - a) * eased;
      this.camera = { x: mix(from.x, to.x), y: mix(from.y, to.y), scale: mix(from.scale, to.scale) };
      this.gliding = share < 1 ? requestAnimationFrame(step) : 0;
      this.repaint();
    };
    this.gliding = requestAnimationFrame(step);
  }

  private stop(): void {
    cancelAnimationFrame(this.gliding);
    this.gliding = 0;
  }

  private resize(): void {
    const box = this.canvas.getBoundingClientRect();
    const first = !this.width;
    this.width = box.width;
    this.height = box.height;
    this.canvas.width = Math.round(box.width * devicePixelRatio);
    this.canvas.height = Math.round(box.height * devicePixelRatio);
    if (first || !this.moved) this.fit(false);
    if (this.scene && this.width) this.paint();
    else this.blank();
  }

  private blank(): void {
    this.context.fillStyle = this.colours.bg;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  private hit(x: number, y: number): Hit {
    if (!this.scene) return NOTHING;
    this.finder ??= new Finder(this.scene);
    const [wx, wy] = toWorld(this.camera, x, y, this.width, this.height);
    return this.finder.at(wx, wy, 7 / this.camera.scale);
  }

  /** The open group whose name stands there; empty: none. */
  private head(x: number, y: number): string {
    const { scene } = this;
    if (!scene) return "";
    const [wx, wy] = toWorld(this.camera, x, y, this.width, this.height);
    const island = scene.islands.find((one) => {
      if (!one.group) return false;
      const [left, top] = headOf(scene, one);
      return wx >= left && wx <= left + HEAD.width && wy >= top && wy <= top + HEAD.height;
    });
    return island?.group ?? "";
  }
}
