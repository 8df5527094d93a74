/** The time bar: traffic and losses over the span before now, and which part of it is looked at. Dragging goes back in time. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import { load } from "../state/loaded";
import { number, rate } from "../state/format";
import { now, paused, tick } from "../state/status";
import { PRESETS, instant, seconds, shown, stepped } from "../state/time";
import { go, isLive, view } from "../state/view";

/** How much more than what is looked at is shown around it. */
const AROUND = 4;

interface Window {
  from: number;
  to: number;
}

function around(): Window {
  const at = now();
  const from = seconds(view.value.from, at) ?? at - 900;
  const to = seconds(view.value.to, at) ?? at;
  const length = to - from;
  const end = Math.min(at, to + (length * (AROUND - 1)) / 2);
  return { from: Math.floor(end - length * AROUND), to: Math.ceil(end) };
}

export function TimeBar() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useSignal<Window | null>(null);
  const loaded = useMemo(
    () =>
      load<Answer>(() => {
        void (isLive.value && tick.value);
        const { from, to } = around();
        const { q } = view.value;
        return (signal) => get("series", { from, to, q, by: "protocol", metrics: "bytes,connections_failed", limit: 1 }, signal);
      }),
    [],
  );
  useEffect(() => loaded.stop, []);
  const paint = (): void => {
    const element = canvas.current;
    if (element) drawBar(element, loaded.state.value.value, around(), drag.value);
  };
  useSignalEffect(paint);
  useEffect(() => {
    const watcher = new ResizeObserver(paint);
    if (canvas.current) watcher.observe(canvas.current);
    return () => watcher.disconnect();
  }, []);

  const at = (event: PointerEvent): number => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const { from, to } = around();
    return from + ((event.clientX - box.left) / box.width) * (to - from);
  };
  const end = (event: PointerEvent): void => {
    const chosen = drag.value;
    drag.value = null;
    if (!chosen) return;
    const [low, high] = [Math.min(chosen.from, chosen.to), Math.max(chosen.from, chosen.to)];
    const length = (seconds(view.value.to, now()) ?? now()) - (seconds(view.value.from, now()) ?? now() - 900);
    const whole = around();
    const click = high - low < (whole.to - whole.from) / 100;
    const [from, to] = click ? [at(event) - length / 2, at(event) + length / 2] : [low, high];
    if (to >= now() - length / 50) go({ from: `now-${Math.round(to - from)}s`, to: "now" });
    else go({ from: instant(from), to: instant(to) });
  };
  const step = (direction: 1 | -1): void => go(stepped(view.value, direction, now()));

  return (
    <div class="timebar" role="group" aria-label="Time">
      <button class="icon" aria-label="The span before ( [ )" title="The span before ( [ )" onClick={() => step(-1)}>
        ‹
      </button>
      <canvas
        ref={canvas}
        role="img"
        aria-label="Traffic over time, with failures"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.value = { from: at(event), to: at(event) };
        }}
        onPointerMove={(event) => {
          if (drag.value) drag.value = { ...drag.value, to: at(event) };
        }}
        onPointerUp={end}
      />
      <button class="icon" aria-label="The span after ( ] )" title="The span after ( ] )" onClick={() => step(1)}>
        ›
      </button>
      <select
        aria-label="Span"
        value={isLive.value ? view.value.from : ""}
        onChange={(event) => go({ from: event.currentTarget.value, to: "now" })}
      >
        {PRESETS.map((preset) => (
          <option value={preset.from}>{preset.label}</option>
        ))}
        {!isLive.value || !PRESETS.some((preset) => preset.from === view.value.from) ? (
          <option value={isLive.value ? view.value.from : ""}>
            {isLive.value ? view.value.from : `${shown(view.value.from)} – ${shown(view.value.to)}`}
          </option>
        ) : null}
      </select>
      <button
        class={`live${isLive.value && !paused.value ? " on" : ""}`}
        aria-pressed={isLive.value && !paused.value}
        title="Live or paused ( space )"
        onClick={() => {
          if (!isLive.value) go({ from: "now-15m", to: "now" });
          else paused.value = !paused.value;
        }}
      >
        {isLive.value ? (paused.value ? "paused" : "live") : "back to now"}
      </button>
    </div>
  );
}

function drawBar(canvas: HTMLCanvasElement, answer: Answer | null, whole: Window, drag: Window | null): void {
  const box = canvas.getBoundingClientRect();
  const context = canvas.getContext("2d");
  if (!context || !box.width) return;
  canvas.width = Math.round(box.width * devicePixelRatio);
  canvas.height = Math.round(box.height * devicePixelRatio);
  context.scale(devicePixelRatio, devicePixelRatio);
  const style = getComputedStyle(canvas);
  const x = (at: number): number => ((at - whole.from) / (whole.to - whole.from)) * box.width;
  const { sums, failed, step } = sumsOf(answer);
  const most = Math.max(1, ...sums.values());
  const room = box.height - 16;
  for (const [time, bytes] of sums) {
    const wide = Math.max(1, x(time + step) - x(time) - 0.5);
    context.fillStyle = style.getPropertyValue("--bar");
    context.fillRect(x(time), room - (bytes / most) * (room - 4), wide, (bytes / most) * (room - 4));
    if ((failed.get(time) ?? 0) > 0) {
      context.fillStyle = style.getPropertyValue("--bad-bar");
      context.fillRect(x(time), room - 3, wide, 3);
    }
  }
  const at = now();
  const from = drag ? Math.min(drag.from, drag.to) : (seconds(view.value.from, at) ?? at - 900);
  const to = drag ? Math.max(drag.from, drag.to) : (seconds(view.value.to, at) ?? at);
  context.fillStyle = style.getPropertyValue("--chosen");
  context.fillRect(x(from), 0, Math.max(2, x(to) - x(from)), room);
  context.strokeStyle = style.getPropertyValue("--chosen-line");
  context.strokeRect(x(from) + 0.5, 0.5, Math.max(2, x(to) - x(from)) - 1, room - 1);
  context.fillStyle = style.color;
  context.font = "11px system-ui, 'Liberation Sans', sans-serif";
  context.textBaseline = "bottom";
  for (let mark = 0; mark <= 4; mark += 1) {
    const time = whole.from + ((whole.to - whole.from) * mark) / 4;
    context.textAlign = mark === 0 ? "left" : mark === 4 ? "right" : "center";
    context.fillText(shown(instant(time), whole.to - whole.from < 3_600), (box.width * mark) / 4, box.height);
  }
  context.textAlign = "right";
  context.textBaseline = "top";
  if (step) context.fillText(`${rate(most, step)} at most`, box.width - 4, 2);
}

function sumsOf(answer: Answer | null): { sums: Map<number, number>; failed: Map<number, number>; step: number } {
  const sums = new Map<number, number>();
  const failed = new Map<number, number>();
  const times = answer?.data["time"] ?? [];
  times.forEach((time, at) => {
    const second = Date.parse(String(time)) / 1_000;
    sums.set(second, (sums.get(second) ?? 0) + number(answer?.data["bytes"]?.[at]));
    failed.set(second, (failed.get(second) ?? 0) + number(answer?.data["connections_failed"]?.[at]));
  });
  return { sums, failed, step: answer?.meta.step ?? 0 };
}
