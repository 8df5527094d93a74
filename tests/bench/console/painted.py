"""From a question of the page to its picture: the map of a day, over the console's own process and the tables of the bench."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import sync_playwright

from tests.bench.console.dataset import LAST_S
from tests.bench.console.frames import CHROMIUM, SIZE
from tests.bench.console.report import Figure, milliseconds

DAY_S = 86_400
TIMES = 40

_FIRST = """async () => {
  while (!window.weirMap?.shown) await new Promise(requestAnimationFrame);
  return performance.now() / 1_000;
}"""
_PAINTED = """async (address) => {
  const asked = window.fetch;
  let before = -1;  // how often a picture was shown when the answer came: the old one may be shown again meanwhile
  window.fetch = async (...given) => {
    const answer = await asked(...given);
    if (String(given[0]?.url ?? given[0]).includes('/groups?')) before = window.weirMap.shown;
    return answer;
  };
  const begun = performance.now();
  history.pushState({}, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
  while (before < 0 || window.weirMap.shown === before) await new Promise((done) => setTimeout(done, 1));
  await new Promise(requestAnimationFrame);
  window.fetch = asked;
  return (performance.now() - begun) / 1_000;
}"""


def measure(base: str) -> Iterator[Figure]:
    """The first page is opened anew, in a browser that has nothing; then each span is another one, so that none comes from a cache."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])  # root has no sandbox
        try:
            page = browser.new_page(viewport=SIZE)
            page.goto(f"{base}/{_map(0)}")
            cold_s = page.evaluate(_FIRST)
            took = [page.evaluate(_PAINTED, _map(at + 1)) for at in range(TIMES + 3)][3:]
        finally:
            browser.close()
    yield milliseconds("first map, 24 h, in a browser that has nothing: from its address to its picture", 1_000, [cold_s])
    yield milliseconds("map of another 20 to 24 h: from the question to the picture", 300, took)


def _map(at: int) -> str:
    """Each five minutes shorter: the page asks ahead for spans of the same length."""
    return f"map?from={LAST_S - DAY_S + 300 * at}&to={LAST_S}"
