/** The time bar: traffic, failures and losses around what is looked at. Dragging goes back in time; its right end is now, and live. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { get } from "../api/client";
import type { Answer } from "../api/types";
import type { Answered } from "../api/answers";
import type { Columns } from "../api/types";
import { ticksOf } from "../charts/finding-ticks";
import { drawStrip, saidAt, stripOf, type Strip } from "../charts/strip";
import { bytes } from "../state/format";
import { around, dragged, gripAt, snap, type Grip, type Window } from "../state/frame";
import { findings, findingsOf, said, spokenOf, within } from "../state/findings";
import { load } from "../state/loaded";
import { clock, minute, now, paused, pulse, tick } from "../state/status";
import { theme } from "../state/theme";
import { PRESETS, elsewhere, instant, length, otherZone, ranged, shown, spanOf, stepped, zone, zoomed } from "../state/time";
import { go, isLive, spanned, view } from "../state/view";

/** A drag in hand: what it holds, from where to where, and what was there before. */
interface Drag {
  grip: Grip;
  at: number;
  to: number;
  before: Window;
  whole: Window;
}

/** So often the page follows a drag. */
const FOLLOW_MS = 90;
const FINDINGS = 200;
/** Of a place on the bar. */
const TOLD = 3;

export function TimeBar() {
  const looked = useComputed(() => spanOf(view.value, now()));
  const drag = useSignal<Drag | null>(null);
  const whole = useComputed(() => drag.value?.whole ?? around(looked.value, now()));
  const held = (): boolean => drag.peek() !== null;
  const strip = useStrip(held);
  useFindings(held);
  return (
    <div class="timebar" role="group" aria-label="Time">
      <div class="scale" title="The most in one step of the time bar">
        {strip.value && strip.value.most > 0 ? (
          <>
            at most
            <br />
            {bytes(strip.value.most)}/s
          </>
        ) : null}
      </div>
      <button class="icon" aria-label="The span before" title="The span before ( [ )" onClick={() => go(stepped(view.value, -1, now()))}>
        ‹
      </button>
      <TimeStrip strip={strip.value} looked={looked.value} whole={whole.value} drag={drag} />
      <button class="icon" aria-label="The span after" title="The span after ( ] )" disabled={isLive.value} onClick={() => go(stepped(view.value, 1, now()))}>
        ›
      </button>
      <SpanChoice looked={looked.value} />
      <LiveButton />
    </div>
  );
}

function useStrip(held: () => boolean) {
  const strip = useSignal<Strip | null>(null);
  const loaded = useMemo(() => {
    const ask = (path: string, more: Record<string, string | number>) => () => {
      void (isLive.value && !paused.value && tick.value);
      const { from, to } = around(spanOf(view.value, clock.peek()), clock.peek());
      const q = path === "series" ? view.value.q : undefined;
      return held() ? null : (signal: AbortSignal) => get<Answer>(path, { from: instant(from), to: instant(to), q, ...more }, signal);
    };
    return [load(ask("series", { by: "protocol", metrics: "bytes,connections_failed", limit: 1 })), load(ask("losses", { by: "step" }))] as const;
  }, []);
  useEffect(() => () => loaded.forEach((one) => one.stop()), []);
  useSignalEffect(() => {
    const [traffic, losses] = loaded;
    const next = stripOf(traffic.state.value.value, losses.state.value.value);
    if (next) strip.value = next;
  });
  return strip;
}

/** Findings of the time that the bar shows, for it and for the map. */
function useFindings(held: () => boolean): void {
  useEffect(() => {
    const loaded = load<Answered<Columns>>(() => {
      void (isLive.value && !paused.value && minute.value);
      const { from, to } = around(spanOf(spanned.value, clock.peek()), clock.peek());
      const { q } = spanned.value;
      const span = { from: instant(from), to: instant(to) };
      return held() ? null : async (stop) => get("findings", { ...span, q: await spokenOf(q, stop), state: "all", limit: FINDINGS }, stop);
    });
    const stop = loaded.state.subscribe(({ value }) => {
      if (value) findings.value = findingsOf(value);
    });
    return () => {
      stop();
      loaded.stop();
    };
  }, []);
}

interface StripProps {
  strip: Strip | null;
  looked: Window;
  whole: Window;
  drag: { value: Drag | null };
}

function TimeStrip({ strip, looked, whole, drag }: StripProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const pointer = useSignal<{ x: number; at: number } | null>(null);
  const followed = useRef(0);
  const looks = `${theme.value} ${zone.value}`;
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const paint = (): void => drawStrip(element, strip, whole, looked, ticksOf(findings.value, whole));
    paint();
    const watcher = new ResizeObserver(paint);
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [strip, looked.from, looked.to, whole.from, whole.to, looks, findings.value]);

  const wide = (): number => canvas.current?.getBoundingClientRect().width ?? 1;
  const place = (event: PointerEvent): { x: number; at: number } => {
    const x = event.clientX - (canvas.current?.getBoundingClientRect().left ?? 0);
    return { x, at: whole.from + (x / wide()) * (whole.to - whole.from) };
  };
  const result = (held: Drag): Window => {
    const perPixel = (held.whole.to - held.whole.from) / wide();
    return dragged(held.grip, held.before, held.at, held.to, snap(perPixel, pulse.value.status?.window_seconds ?? 10), perPixel, now());
  };
  const follow = (held: Drag, replace: boolean): void => {
    const next = result(held);
    go(ranged(next.from, next.to, now()), replace);
  };
  const down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    canvas.current?.setPointerCapture(event.pointerId);
    const { x, at } = place(event);
    const px = (time: number): number => ((time - whole.from) / (whole.to - whole.from)) * wide();
    drag.value = { grip: gripAt(x, px(looked.from), px(looked.to)), at, to: at, before: looked, whole };
    followed.current = 0;
  };
  const move = (event: PointerEvent): void => {
    pointer.value = place(event);
    const held = drag.value;
    if (!held) return;
    drag.value = { ...held, to: place(event).at };
    if (held.grip === "new" || Date.now() - followed.current < FOLLOW_MS) return;
    follow(drag.value, followed.current > 0);
    followed.current = Date.now();
  };
  const up = (): void => {
    const held = drag.value;
    if (!held) return;
    const still = held.grip !== "new" && Math.abs(held.to - held.at) < (held.whole.to - held.whole.from) / wide();
    if (!still) follow(held, followed.current > 0);
    drag.value = null;
  };
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const by = Math.sign(event.deltaY || event.deltaX);
    if (event.ctrlKey || event.metaKey) go(zoomed(view.value, by > 0 ? 1.5 : 1 / 1.5, now()), true);
    else go(stepped(view.value, by > 0 ? -1 : 1, now(), 0.25), true);
  };
  useEffect(() => {
    const element = canvas.current;
    element?.addEventListener("wheel", wheel, { passive: false });
    return () => element?.removeEventListener("wheel", wheel);
  }, []);

  const held = drag.value;
  const marked = held?.grip === "new" ? result(held) : null;
  const here = pointer.value;
  const at = strip && here ? Math.floor((here.at - (strip.times[0] ?? 0)) / strip.step) : -1;
  return (
    <div
      class="time-strip"
      role="slider"
      tabIndex={0}
      aria-label="Span of time that is looked at"
      aria-valuemin={Math.round(whole.from)}
      aria-valuemax={Math.round(whole.to)}
      aria-valuenow={Math.round(looked.to)}
      aria-valuetext={`${shown(instant(looked.from))} to ${shown(instant(looked.to))} ${zone.value}, ${length(looked.to - looked.from)}${isLive.value ? ", live" : ""}`}
      title="Drag for a span, drag the span to move it, wheel to step, Ctrl and wheel for longer or shorter"
      onKeyDown={(event) => {
        const change = KEYS[event.key]?.();
        if (!change) return;
        event.preventDefault();
        event.stopPropagation();
        go(change, true);
      }}
    >
      <canvas ref={canvas} aria-hidden="true" onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={() => (drag.value = null)} onPointerLeave={() => (pointer.value = null)} />
      {marked ? <Marked span={marked} whole={whole} /> : null}
      {here && !held && strip && strip.times[at] !== undefined ? (
        <div class="time-tip" style={{ left: `${Math.min(Math.max(here.x, 120), wide() - 120)}px` }}>
          <b>{shown(instant(strip.times[at] ?? 0))}</b> {saidAt(strip, at)}
          {within(findings.value, strip.times[at] ?? 0, (strip.times[at] ?? 0) + strip.step).slice(0, TOLD).map((one) => <div>◆ {said(one)}</div>)}
        </div>
      ) : null}
      {held ? (
        <div class="time-tip" style={{ left: "50%" }}>
          <b>
            {shown(instant((marked ?? looked).from))} – {shown(instant((marked ?? looked).to))}
          </b>{" "}
          {length((marked ?? looked).to - (marked ?? looked).from)}
        </div>
      ) : null}
    </div>
  );
}

function Marked({ span, whole }: { span: Window; whole: Window }) {
  const share = (at: number): number => ((at - whole.from) / (whole.to - whole.from)) * 100;
  return <div class="time-marked" style={{ left: `${share(span.from)}%`, width: `${share(span.to) - share(span.from)}%` }} />;
}

const KEYS: Record<string, () => { from: string; to: string }> = {
  ArrowLeft: () => stepped(view.value, -1, now(), 0.1),
  ArrowRight: () => stepped(view.value, 1, now(), 0.1),
  PageUp: () => stepped(view.value, -1, now()),
  PageDown: () => stepped(view.value, 1, now()),
  ArrowUp: () => zoomed(view.value, 1 / 1.5, now()),
  ArrowDown: () => zoomed(view.value, 1.5, now()),
  End: () => live(),
};

/** The same length, ending now. */
export function live(): { from: string; to: string } {
  const { from, to } = spanOf(view.value, now());
  const preset = PRESETS.find((one) => Math.abs(to - from - (now() - spanOf({ from: one.from, to: "now" }, now()).from)) < 1);
  return preset ? { from: preset.from, to: "now" } : ranged(now() - (to - from), now(), now());
}

function SpanChoice({ looked }: { looked: Window }) {
  const preset = isLive.value ? PRESETS.find((one) => one.from === view.value.from) : undefined;
  return (
    <select aria-label="Span" value={preset?.from ?? ""} title={`${elsewhere(instant(looked.from))} – ${elsewhere(instant(looked.to))}`} onChange={(event) => go({ from: event.currentTarget.value, to: "now" })}>
      {preset ? null : (
        <option value="">
          {isLive.value ? `last ${length(looked.to - looked.from)}` : `${shown(instant(looked.from))} – ${shown(instant(looked.to), looked.to % 60 !== 0)}`}
        </option>
      )}
      {PRESETS.map((one) => (
        <option value={one.from}>last {one.label}</option>
      ))}
    </select>
  );
}

function LiveButton() {
  const cut = pulse.value.error !== null;
  const on = isLive.value && !paused.value && !cut;
  return (
    <button class={`live${on ? " on" : ""}`} aria-pressed={on} title="Live or paused ( Space )" onClick={toggleLive}>
      {isLive.value ? (
        paused.value ? (
          "▶ paused"
        ) : cut ? (
          "no answer"
        ) : (
          <>
            <span class="dot" aria-hidden="true" />
            live
          </>
        )
      ) : (
        "back to now"
      )}
    </button>
  );
}

export function toggleLive(): void {
  if (isLive.value) paused.value = !paused.value;
  else {
    paused.value = false;
    go(live());
  }
}

export function ZoneSwitch() {
  return (
    <button class="plain" onClick={otherZone} aria-label={`Times are shown in ${zone.value === "UTC" ? "UTC" : "local time"}: change`} title="How instants are shown; links are always UTC">
      {zone.value === "UTC" ? "UTC" : "local time"}
    </button>
  );
}
