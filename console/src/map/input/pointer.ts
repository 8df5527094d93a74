/** Mouse, pen, finger and wheel on the canvas. */
export interface Pointed {
  hover(x: number, y: number): void;
  leave(): void;
  pick(x: number, y: number, twice: boolean): void;
  pan(dx: number, dy: number): void;
  zoomAt(factor: number, x: number, y: number): void;
}

const SLACK = 4;

export function listen(canvas: HTMLCanvasElement, on: Pointed): void {
  let from: readonly [number, number] | null = null;
  let dragged = false;
  let hovering = 0;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = [event.clientX, event.clientY];
    dragged = false;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) {
      const [x, y] = [event.offsetX, event.offsetY];
      cancelAnimationFrame(hovering);
      hovering = requestAnimationFrame(() => on.hover(x, y));
      return;
    }
    const [dx, dy] = [event.clientX - from[0], event.clientY - from[1]];
    if (!dragged && Math.hypot(dx, dy) <= SLACK) return;
    dragged = true;
    from = [event.clientX, event.clientY];
    on.pan(-dx, -dy);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (from && !dragged) on.pick(event.offsetX, event.offsetY, false);
    from = null;
  });
  canvas.addEventListener("pointercancel", () => (from = null));
  canvas.addEventListener("dblclick", (event) => on.pick(event.offsetX, event.offsetY, true));
  canvas.addEventListener("pointerleave", () => {
    cancelAnimationFrame(hovering);
    on.leave();
  });
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    on.zoomAt(Math.exp((-event.deltaY * unit) / 400), event.offsetX, event.offsetY);
  };
  canvas.addEventListener("wheel", wheel, { passive: false });
}
