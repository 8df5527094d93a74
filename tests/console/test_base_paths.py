"""The page behind a proxy, under a path: nothing of it asks for anything outside of that path."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.console.proxy import Proxy
from tests.console.support import EngineChild, Opener, console_over, ready


@pytest.fixture(scope="module", params=["/", "/weir/", "/a/b/"])
def under(request: pytest.FixtureRequest, engine: EngineChild) -> Iterator[tuple[str, str]]:
    """A console's address, and the path that it is told to be served under."""
    with console_over(engine.url, "--base-path", request.param) as address:
        yield address, request.param


@pytest.mark.parametrize("strips", [True, False], ids=["stripping", "leaving"])
def test_every_link_and_question_stays_under_the_path(open_page: Opener, under: tuple[str, str], strips: bool) -> None:
    target, path = under
    with Proxy(target, path, strips) as proxy:
        page = ready(open_page("map?q=server%3Dpayments", address=proxy.address))
        expect(page.get_by_role("list", name="Shapes and edges of the map")).to_contain_text("payments")
        page.get_by_role("link", name="Flows").click()
        expect(page.get_by_role("table", name="Flows")).to_contain_text("payments")
        page.reload()
        expect(page.get_by_role("table", name="Flows")).to_contain_text("payments")
        page.go_back()
        expect(page.get_by_role("region", name="Map")).to_be_visible()
        assert page.url.startswith(proxy.address)
        page.close()
        assert proxy.strays == []
