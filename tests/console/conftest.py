"""One filled engine, one console and one browser for all tests of a process; for each test pages of its own.

Of the package and not of the session: while Playwright is there, an event loop counts as running, and nothing else can run one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.console.support import EngineChild, Opener, console_over, launch, new_context


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineChild]:
    """The shop of `shop.py`. Windows may be added; nobody kills it."""
    with EngineChild(tmp_path_factory.mktemp("shop") / "data") as child:
        yield child


@pytest.fixture(scope="package")
def console(engine: EngineChild) -> Iterator[str]:
    """The page's address, ending with /."""
    with console_over(engine.url) as address:
        yield address


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    started = launch(playwright)
    yield started
    started.close()


@pytest.fixture(scope="package")
def context(browser: Browser, console: str) -> Iterator[BrowserContext]:
    made = new_context(browser, console)
    yield made
    made.close()


@pytest.fixture
def open_page(context: BrowserContext, console: str, engine: EngineChild) -> Iterator[Opener]:
    """`open_page("truth", theme="dark")`. The test fails, at its end, on any error in a page's console, any uncaught exception, any breach
    of the content security policy, and any request to another host.
    """
    engine.keep_up()
    opener = Opener(context, console)
    yield opener
    opener.close()


@pytest.fixture
def page(open_page: Opener) -> Page:
    """The map, just opened."""
    return open_page()
