/** The map as a picture that can be sent to someone: as it is seen, twice as sharp, with a line that says what it shows. */
import { draw } from "./draw";
import type { Viewpoint } from "./viewpoint";
import type { Scene } from "../scene";

const LINE = 34;
const RATIO = 2;

export async function picture(scene: Scene, look: Viewpoint, caption: string): Promise<Blob> {
  const { width, height, colours } = look;
  const canvas = new OffscreenCanvas(width * RATIO, (height + LINE) * RATIO);
  // It has all that is drawn with: only what shows it on a page is missing.
  const context = canvas.getContext("2d", { alpha: false }) as unknown as CanvasRenderingContext2D | null;
  if (!context) throw new Error("This browser cannot draw a picture.");
  draw(context, scene, { ...look, ratio: RATIO });
  context.setTransform(RATIO, 0, 0, RATIO, 0, 0);
  context.fillStyle = colours.panel;
  context.fillRect(0, height, width, LINE);
  context.fillStyle = colours.dim;
  context.font = "12.5px system-ui, 'Liberation Sans', sans-serif";
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(caption, 14, height + LINE / 2, width - 28);
  return canvas.convertToBlob({ type: "image/png" });
}
