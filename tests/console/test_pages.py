"""Every page opens, says what it is, and complains of nothing."""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.sync_api import Error, expect

from tests.console.support import Opener

PAGES = ("map", "explore", "flows", "address", "truth")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_without_a_complaint(open_page: Opener, path: str) -> None:
    page = open_page(path)
    expect(page.get_by_role("region", name=path.partition("?")[0].title())).to_be_visible()
    expect(page.get_by_text("3 of 5 nodes").first).to_be_visible()


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
