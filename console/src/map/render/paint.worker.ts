/** Draws scenes of very many shapes beside the page. */
import { draw } from "./draw";
import type { Viewpoint } from "./viewpoint";
import type { Scene } from "../scene";

export type Order = { scene: Scene } | { id: number; look: Viewpoint };

export interface Painted {
  id: number;
  bitmap: ImageBitmap;
}

let scene: Scene | null = null;
let canvas = new OffscreenCanvas(1, 1);

self.onmessage = ({ data }: MessageEvent<Order>) => {
  if ("scene" in data) {
    scene = data.scene;
    return;
  }
  const { look, id } = data;
  const [width, height] = [Math.round(look.width * look.ratio), Math.round(look.height * look.ratio)];
  if (canvas.width !== width || canvas.height !== height) canvas = new OffscreenCanvas(width, height);
  // It has all that is drawn with: only what shows it on a page is missing.
  const context = canvas.getContext("2d", { alpha: false }) as unknown as CanvasRenderingContext2D | null;
  if (!context || !scene) return;
  draw(context, scene, look);
  const bitmap = canvas.transferToImageBitmap();
  (self as unknown as Worker).postMessage({ id, bitmap } satisfies Painted, [bitmap]);
};
