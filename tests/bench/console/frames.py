"""Frames of the map with 2,000 workloads and 5,000 edges, all drawn: `python -m tests.bench.console.frames`.

Headless Chromium draws in software here, so that the frames of an empty canvas of the same size stand beside those of the map: a machine
with a GPU is faster than both. Each figure is of the whole frame, from one to the next, as the browser shows them. At 60 frames a second
one takes 16.7 ms, which is told as 16.7 or 16.8.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.bench.console import maps
from tests.bench.console.report import Figure, at_most, table
from tests.bench.console.serve import ADDRESS, Parameters, serve
from tests.bench.machine import machine
from tests.bench.say import say

CHROMIUM = "/usr/bin/chromium"
SIZE: ViewportSize = {"width": 1280, "height": 800}
FRAMES = 180

_SHOWN = "window.weirMap && window.weirMap.shown > 0"
_STEPS = {
    "pan": "map => at => map.pan(at % 60 < 30 ? 9 : -9, at % 40 < 20 ? 5 : -5)",
    "zoom": "map => at => map.zoom(at % 60 < 30 ? 1.04 : 1 / 1.04)",
}
_RUN = """async ([step, frames]) => {
  const move = eval(step)(window.weirMap);
  const at = [];
  await new Promise((done) => {
    const next = (now) => {
      at.push(now);
      if (at.length > frames) return done();
      move(at.length);
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  return at.slice(1).map((now, index) => now - at[index]);
}"""
_EMPTY = """(frames) => {
  const own = document.querySelector('.stage > canvas');
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [own.width, own.height];
  canvas.style.cssText = 'position:fixed;inset:0;z-index:99';
  document.body.append(canvas);
  const context = canvas.getContext('2d', { alpha: false });
  const at = [];
  return new Promise((done) => {
    const next = (now) => {
      at.push(now);
      if (at.length > frames) { canvas.remove(); return done(at.slice(1).map((one, index) => one - at[index])); }
      context.fillStyle = at.length % 2 ? '#123' : '#124';
      context.fillRect(0, 0, canvas.width, canvas.height);
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
}"""
_LONG = """() => {
  window.weirLong = [];
  const note = (list) => list.getEntries().forEach((one) => window.weirLong.push(one.duration));
  new PerformanceObserver(note).observe({ type: 'longtask', buffered: true });
}"""
_HOVER = """([x, y]) => new Promise((done) => {
  const canvas = document.querySelector('.stage > canvas');
  const box = canvas.getBoundingClientRect();
  const start = performance.now();
  canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + x, clientY: box.top + y, bubbles: true }));
  requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
})"""


@contextmanager
def opened(address: str, pairs: Sequence[maps.Pair]) -> Iterator[Page]:
    with sync_playwright() as playwright:
        # Root, in a container, has no sandbox to give; the page is the project's own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.add_init_script(f"({_LONG})()")
        answers: dict[str, dict[str, object]] = {}

        def groups(asked: Parameters) -> dict[str, object]:
            key = json.dumps(dict(asked), sort_keys=True)
            if key not in answers:
                answers[key] = maps.answer(pairs, asked.get("fold") or "namespace", asked.get("open", "").split(","))
            return answers[key]

        serve(page, groups)
        page.goto(ADDRESS + address)
        page.wait_for_function(_SHOWN)
        yield page
        browser.close()


def p(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure() -> Iterator[Figure]:
    with opened("map?fold=none", maps.fleet()) as page:
        empty = page.evaluate(_EMPTY, FRAMES)
        yield Figure("frames of an empty canvas of the same size", "-", f"p95 {p(empty, 0.95):.1f} ms (median {p(empty, 0.5):.1f})", None)
        opening = page.evaluate("window.weirLong.splice(0)")
        for name, step in _STEPS.items():
            page.evaluate("() => { window.weirMap.fit(); window.weirMap.frames.cost.length = 0; }")
            times = page.evaluate(_RUN, [step, FRAMES])
            cost = p(page.evaluate("window.weirMap.frames.cost"), 0.95)
            ratio = p(times, 0.95) / p(empty, 0.95)
            beside = f" (median {p(times, 0.5):.1f}; {ratio:.1f} times an empty canvas; drawing takes {cost:.1f} of the page)"
            yield at_most(f"{name}, 2,000 shapes and 5,000 edges: p95 frame", 16.8, p(times, 0.95), "ms", beside)
            yield at_most(f"{name}: longest frame", 50, max(times), "ms")
        page.evaluate("window.weirMap.fit()")
        hovers = [page.evaluate(_HOVER, [100 + 25 * at, 120 + 13 * at]) for at in range(40)]
        yield at_most("hover: from the pointer to the picture, p95", 50, p(hovers, 0.95), "ms")
        yield at_most("layout, in the worker", 500, page.evaluate("window.weirMap.layoutMs()"), "ms")
        yield at_most(
            "longest time for which the page is blocked in pan, zoom and hover", 50, max([0, *page.evaluate("window.weirLong")]), "ms"
        )
        yield at_most("the same while it opens, its script and its first picture", 50, max([0, *opening]), "ms")


def main() -> None:
    say(
        machine(), f"Chromium headless, software rendering, {SIZE['width']} x {SIZE['height']}; nothing is folded.", *table(list(measure()))
    )


if __name__ == "__main__":
    main()
