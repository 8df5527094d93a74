"""A console over a filled directory, as a child, and a browser that tolerates nothing."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, expect

from tests.console.shop import TO_COME, WINDOW_S
from tests.support.http import ask
from tests.support.kafka import free_ports
from tests.support.processes import PATIENCE, Child, weir

CHROMIUM = Path("/usr/bin/chromium")
SECONDS = 10 * PATIENCE
"""How long an element is waited for."""
expect.set_options(timeout=SECONDS * 1_000)


class EngineChild:
    """`tests.console.engine` in a process that may be killed; `start` finds the same data."""

    def __init__(self, directory: Path, *what: str) -> None:
        self.directory, self._what = directory, what
        self.end_s = 0
        """Where the newest window ends, in UTC seconds."""
        self.filled_s = 0
        """Where the last window ended when the directory was filled."""
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"chdb://{self.directory}"

    def start(self) -> Self:
        self._child = Child([sys.executable, "-m", "tests.console.engine", self.directory, *self._what], name="the engine")
        self.end_s = int(self._child.line(r"^ready (\d+)$", 60)[1])
        self.filled_s = self.filled_s or self.end_s
        return self

    def kill(self) -> None:
        if self._child is not None:
            self._child.__exit__(None, None, None)
            self._child = None

    def add_window(self) -> int:
        """Writes the shop's next window; its end, once it is in the tables."""
        assert self._child is not None, "the engine is not running"
        self._child.signal(signal.SIGUSR1)
        self._child.line(rf"^window {self.end_s + WINDOW_S}$")
        self.end_s += WINDOW_S
        return self.end_s

    def keep_up(self) -> None:
        """Writes the windows that have passed: the last fifteen minutes are full however long the tests before took."""
        while self.end_s + WINDOW_S <= int(time.time()) - TO_COME * WINDOW_S:
            self.add_window()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()


@contextmanager
def console_over(url: str, *arguments: str, settings: dict[str, object] | None = None) -> Iterator[str]:
    """`weir console` over those tables: the address of its page, ending with /. It must end cleanly."""
    port = free_ports(1)[0]
    with weir("console", "--listen", f"127.0.0.1:{port}", *arguments, settings={"clickhouse_url": url, **(settings or {})}) as child:
        child.until(lambda: ask(port, "/")[0] or None, 30, f"an answer on port {port}")
        yield f"http://127.0.0.1:{port}/"
        child.stop()


@dataclass
class Watch:
    """What went wrong on a page, sentence by sentence, but for what `allowed` (regular expressions) matches."""

    origins: tuple[str, ...]
    allowed: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self._note(f"console {message.type}: {message.text}", message.type in ("error", "warning")))
        page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))
        page.on("request", lambda request: self._note(f"asked another host: {request.url}", not self._is_ours(request.url)))

    def problems(self) -> list[str]:
        return [text for text in self.seen if not any(re.search(pattern, text) for pattern in self.allowed)]

    def _note(self, text: str, wrong: bool = True) -> None:
        if wrong:
            self.seen.append(text)

    def _is_ours(self, url: str) -> bool:
        return url.startswith((*self.origins, "data:", "blob:"))


@dataclass
class Opener:
    """Makes pages, and says what went wrong on any of them. They share `context`, and what it has loaded before; nothing else."""

    context: BrowserContext
    address: str
    watches: list[Watch] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def __call__(
        self, path: str = "", *, address: str = "", theme: str = "light", allow: tuple[str, ...] = (), permissions: tuple[str, ...] = ()
    ) -> Page:
        """A page of 1400 by 900 at `path` of the console (or of another `address`); `allow`: what may be complained about, as patterns."""
        base = address or self.address
        self.context.clear_permissions()
        self.context.grant_permissions([*permissions])
        page = self.context.new_page()
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        watch = Watch((base,), list(allow))
        watch.watch(page)
        self.watches.append(watch)
        self.pages.append(page)
        page.goto(urljoin(base, path))
        return page

    def close(self) -> None:
        for page in self.pages:
            if not page.is_closed():
                with suppress(Error):  # of a page that is no page of ours any more
                    page.evaluate("localStorage.clear()")
                page.close()
        problems = [problem for watch in self.watches for problem in watch.problems()]
        assert not problems, "the page complained:\n" + "\n".join(problems)


def new_context(browser: Browser, address: str) -> BrowserContext:
    context = browser.new_context(base_url=address, viewport={"width": 1400, "height": 900})
    context.set_default_timeout(SECONDS * 1_000)
    context.set_default_navigation_timeout(3 * SECONDS * 1_000)
    return context


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium without a window.

    `--no-sandbox`: Chromium refuses to run as root with one, and the tests run as root; all that it opens is our own.
    """
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: run `make setup-test`"
    quiet = [
        "--disable-gpu",
        "--no-first-run",
        "--disable-breakpad",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", *quiet])


def ready(page: Page) -> Page:
    """Returns once every answer that the page has asked for is shown."""
    expect(page.locator("footer")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_text(re.compile("^Asking"))).to_have_count(0)
    return page
