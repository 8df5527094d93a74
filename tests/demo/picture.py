"""The README's picture: the console's map over the demo's shop. `make picture` takes it of a demo of two minutes:

python -m tests.demo.picture docs/console.png
"""

from __future__ import annotations

import re
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.console.support import SECONDS, Opener, launch, new_context
from tests.demo.running import WINDOW_LINE, console_of, start
from weir.demo.topology import SERVICES

WINDOWS = 90
FAILING = "checkout calls payments"
_FAILS = re.compile(f"{FAILING}.*failed", re.DOTALL)
SHOP = tuple(service.name for service in SERVICES if not service.domain)


@dataclass(frozen=True)
class Picture:
    """What the page said when it was taken: a line a shape or edge of the map, what is wrong first."""

    file: Path
    listed: tuple[str, ...]

    @property
    def is_true(self) -> bool:
        """Every service of the shop is there, and the call that fails is said to."""
        shapes = {line.partition(",")[0] for line in self.listed}
        return shapes >= set(SHOP) and any(_FAILS.match(line) for line in self.listed)


def take(url: str, file: Path, path: str = "map") -> Picture:
    """A PNG of the page, once its list says that the call fails. Fails as a test does where the page complains, or shows something else."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        opener = Opener(new_context(browser, f"{url}/"), f"{url}/")
        page = opener(path)
        expect(_lines(page).filter(has_text=_FAILS).first).to_be_attached(timeout=3 * SECONDS * 1_000)
        file.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=file)
        picture = Picture(file, tuple(_lines(page).all_inner_texts()))
        opener.close()
        browser.close()
    assert picture.is_true, picture.listed
    return picture


def _lines(page: Page) -> Locator:
    return page.get_by_role("list", name="Shapes and edges of the map").get_by_role("listitem")


def main() -> None:
    """A demo with more to see on its time bar than a test waits for."""
    with tempfile.TemporaryDirectory() as place, start(Path(place)) as demo:
        demo.until(lambda: len(re.findall(WINDOW_LINE, demo.stdout, re.MULTILINE)) > WINDOWS, 3 * WINDOWS, f"{WINDOWS} windows")
        take(console_of(demo.stdout), Path(sys.argv[1]), "map?from=now-2m&to=now")
        demo.process.send_signal(signal.SIGINT)
        demo.wait(60)


if __name__ == "__main__":
    main()
