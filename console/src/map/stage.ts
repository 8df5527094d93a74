/** The canvas and its pointer: drawn when something has changed, once a frame at most. Knows nothing of pages and questions. */
import { fit, toWorld, zoomed, type Camera } from "./camera";
import { draw, palette, type Focus, type Palette } from "./draw";
import { Finder, NOTHING, type Hit } from "./hit";
import type { Scene } from "./scene";

export interface Calls {
  hover(hit: Hit, x: number, y: number): void;
  pick(hit: Hit, twice: boolean): void;
}

export class Stage {
  private readonly context: CanvasRenderingContext2D;
  private readonly watcher: ResizeObserver;
  private camera: Camera = { x: 0, y: 0, scale: 1 };
  private colours: Palette;
  private scene: Scene | null = null;
  private finder: Finder | null = null;
  private focus: Focus | null = null;
  private selected = "";
  private seconds = 1;
  private asked = 0;
  private moved = false;
  private width = 0;
  private height = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly calls: Calls,
  ) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("This browser has no canvas.");
    this.context = context;
    this.colours = palette(canvas.parentElement ?? document.body);
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(canvas);
    this.listen();
  }

  show(scene: Scene, seconds: number): void {
    const first = this.scene === null;
    this.scene = scene;
    this.finder = null;
    this.seconds = seconds;
    if (first || !this.moved) this.fit();
    this.repaint();
  }

  emphasise(selected: string, focus: Focus | null): void {
    this.selected = selected;
    this.focus = focus;
    this.repaint();
  }

  fit(): void {
    if (this.scene && this.width) this.camera = fit(this.scene.places, this.width, this.height);
    this.moved = false;
    this.repaint();
  }

  zoom(factor: number): void {
    this.camera = zoomed(this.camera, factor, this.width / 2, this.height / 2, this.width, this.height);
    this.moved = true;
    this.repaint();
  }

  pan(dx: number, dy: number): void {
    this.camera = { ...this.camera, x: this.camera.x + dx / this.camera.scale, y: this.camera.y + dy / this.camera.scale };
    this.moved = true;
    this.repaint();
  }

  /** Brings a shape into the picture if it is outside. */
  reveal(shape: number): void {
    if (!this.scene) return;
    const x = this.scene.places.x[shape] ?? 0;
    const y = this.scene.places.y[shape] ?? 0;
    const px = (x - this.camera.x) * this.camera.scale + this.width / 2;
    const py = (y - this.camera.y) * this.camera.scale + this.height / 2;
    if (px < 90 || py < 40 || px > this.width - 90 || py > this.height - 40) {
      this.camera = { ...this.camera, x, y };
      this.repaint();
    }
  }

  /** Where a shape's middle is on the canvas, in CSS pixels. */
  screen(shape: number): readonly [number, number] {
    const x = this.scene?.places.x[shape] ?? 0;
    const y = this.scene?.places.y[shape] ?? 0;
    return [(x - this.camera.x) * this.camera.scale + this.width / 2, (y - this.camera.y) * this.camera.scale + this.height / 2];
  }

  themed(): void {
    this.colours = palette(this.canvas.parentElement ?? document.body);
    this.repaint();
  }

  close(): void {
    this.watcher.disconnect();
    cancelAnimationFrame(this.asked);
  }

  repaint(): void {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.paint();
    });
  }

  paint(): void {
    if (!this.scene || !this.width) return;
    const { camera, colours, selected, focus, seconds } = this;
    draw(this.context, this.width, this.height, devicePixelRatio, this.scene, { camera, colours, selected, focus, seconds });
  }

  private resize(): void {
    const box = this.canvas.getBoundingClientRect();
    this.width = box.width;
    this.height = box.height;
    this.canvas.width = Math.round(box.width * devicePixelRatio);
    this.canvas.height = Math.round(box.height * devicePixelRatio);
    if (!this.moved) this.fit();
    this.paint();
  }

  private hit(x: number, y: number): Hit {
    if (!this.scene) return NOTHING;
    this.finder ??= new Finder(this.scene);
    const [wx, wy] = toWorld(this.camera, x, y, this.width, this.height);
    return this.finder.at(wx, wy, 8 / this.camera.scale);
  }

  private listen(): void {
    const { canvas } = this;
    let from: readonly [number, number] | null = null;
    let dragged = false;
    canvas.addEventListener("pointerdown", (event) => {
      from = [event.clientX, event.clientY];
      dragged = false;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (from) {
        const [dx, dy] = [event.clientX - from[0], event.clientY - from[1]];
        if (dragged || Math.hypot(dx, dy) > 4) {
          dragged = true;
          from = [event.clientX, event.clientY];
          this.pan(-dx, -dy);
        }
        return;
      }
      this.calls.hover(this.hit(event.offsetX, event.offsetY), event.offsetX, event.offsetY);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from && !dragged) this.calls.pick(this.hit(event.offsetX, event.offsetY), event.detail > 1);
      from = null;
    });
    canvas.addEventListener("dblclick", (event) => this.calls.pick(this.hit(event.offsetX, event.offsetY), true));
    canvas.addEventListener("pointerleave", () => this.calls.hover(NOTHING, 0, 0));
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.camera = zoomed(this.camera, Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY, this.width, this.height);
        this.moved = true;
        this.repaint();
      },
      { passive: false },
    );
  }
}
