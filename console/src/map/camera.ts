/** Where the map is looked at from: screen = (world - middle) * scale + size / 2. */
import { BOX, type Places } from "./layered";

export interface Camera {
  x: number;
  y: number;
  scale: number;
}

export const SCALES = { least: 0.02, most: 3 };

export function fit(places: Places, width: number, height: number): Camera {
  if (places.x.length === 0) return { x: 0, y: 0, scale: 1 };
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let at = 0; at < places.x.length; at += 1) {
    const x = places.x[at] ?? 0;
    const y = places.y[at] ?? 0;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  const wide = right - left + BOX.width + 48;
  const high = bottom - top + BOX.height + 48;
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale: Math.min(1.25, width / wide, height / high) };
}

export function zoomed(camera: Camera, factor: number, atX: number, atY: number, width: number, height: number): Camera {
  const scale = Math.min(SCALES.most, Math.max(SCALES.least, camera.scale * factor));
  const dx = (atX - width / 2) * (1 / camera.scale - 1 / scale);
  const dy = (atY - height / 2) * (1 / camera.scale - 1 / scale);
  return { x: camera.x + dx, y: camera.y + dy, scale };
}

export const toWorld = (camera: Camera, px: number, py: number, width: number, height: number): readonly [number, number] => [
  camera.x + (px - width / 2) / camera.scale,
  camera.y + (py - height / 2) / camera.scale,
];
