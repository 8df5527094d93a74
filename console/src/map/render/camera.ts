/** Where the map is looked at from: screen = (world - middle) * scale + size / 2. */
import { BOX, type Places, type Point } from "../layout/plane";

export interface Camera {
  x: number;
  y: number;
  scale: number;
}

export const SCALES = { least: 0.02, most: 3 };
/** Around the boxes: room for edges that swing out beside them. */
const MARGIN = { x: 140, y: 44 };

/** All of it, in what is left of the width beside `covered` pixels at its right end. */
export function fit(places: Places, width: number, height: number, covered = 0): Camera {
  if (places.x.length === 0) return { x: 0, y: 0, scale: 1 };
  const [left, right] = [places.x.reduce((a, b) => Math.min(a, b)), places.x.reduce((a, b) => Math.max(a, b))];
  const [top, bottom] = [places.y.reduce((a, b) => Math.min(a, b)), places.y.reduce((a, b) => Math.max(a, b))];
  const scale = Math.min(1.25, (width - covered) / (right - left + BOX.width + MARGIN.x), (height - 100) / (bottom - top + BOX.height + MARGIN.y));
  return { x: (left + right) / 2 + covered / 2 / scale, y: (top + bottom) / 2 - 14 / scale, scale };
}

export function zoomed(camera: Camera, factor: number, atX: number, atY: number, width: number, height: number): Camera {
  const scale = Math.min(SCALES.most, Math.max(SCALES.least, camera.scale * factor));
  const dx = (atX - width / 2) * (1 / camera.scale - 1 / scale);
  const dy = (atY - height / 2) * (1 / camera.scale - 1 / scale);
  return { x: camera.x + dx, y: camera.y + dy, scale };
}

export const toWorld = (camera: Camera, px: number, py: number, width: number, height: number): Point => [
  camera.x + (px - width / 2) / camera.scale,
  camera.y + (py - height / 2) / camera.scale,
];

export const toScreen = (camera: Camera, x: number, y: number, width: number, height: number): Point => [
  (x - camera.x) * camera.scale + width / 2,
  (y - camera.y) * camera.scale + height / 2,
];
