"""Every page opens in both themes, says what it is, complains of nothing, and can be read by everybody."""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.sync_api import Error, expect

from tests.console.axe import violations
from tests.console.support import Opener, ready
from tests.support.processes import ROOT

PAGES = {
    "map": "Map",
    "map?sel=w:reports%3Ew:archive": "Map",
    "health": "Health",
    "health?from=now-1h&to=now&q=client%3Dreports": "Health",
    "security": "Security",
    "cost": "Cost",
    "path?client=reports&server=archive&port=9001": "Path",
    "segments?policy=cilium": "Segments",
    "explore?shape=lines": "Explore",
    "explore?shape=stacked": "Explore",
    "explore?shape=heat": "Explore",
    "explore?shape=sankey": "Explore",
    "explore?shape=matrix&by=client,server": "Explore",
    "explore?shape=table": "Explore",
    "flows": "Flows",
    "address?ip=10.0.3.20": "Address",
    "truth": "Truth",
    "views": "Views",
    "workload?name=payments&forecast=7d": "Workload",
}
SAVED = [
    line.split(" -> ") for line in (ROOT / "tests/console/saved_urls.txt").read_text().splitlines() if line and not line.startswith("#")
]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_without_a_complaint_and_is_accessible_in_both_themes(open_page: Opener, path: str) -> None:
    page = ready(open_page(path))
    expect(page.get_by_role("region", name=PAGES[path], exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="3 of 5 nodes")).to_be_visible()
    assert violations(page) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert violations(page, "color-contrast") == [], "in the dark"


def test_addresses_that_were_saved_with_this_release_show_what_they_did(open_page: Opener) -> None:
    page = open_page("views")
    for path, shown in SAVED:
        page.goto(path)
        expect(page.locator("body"), path).to_contain_text(shown)


def test_a_complaint_of_the_page_fails_the_test(open_page: Opener) -> None:
    page = open_page()
    page.evaluate("console.error('something is wrong')")
    page.evaluate("document.head.append(Object.assign(document.createElement('script'), {textContent: 'window.inline = 1'}))")
    assert page.evaluate("window.inline") is None
    with suppress(Error):
        page.goto("http://127.0.0.1:9/")
    seen = [problem for watch in open_page.watches for problem in watch.problems()]
    assert any("something is wrong" in problem for problem in seen)
    assert any("Content Security Policy" in problem for problem in seen)
    assert any("another host" in problem for problem in seen)
    open_page.watches.clear()
