"""Each state of the page, by its real cause; a slow answer and one that breaks the page by interception."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.console.proxy import Proxy
from tests.console.shop import NODES_OF
from tests.console.support import EngineChild, Opener, console_over, ready

AWAY = ("503", "ERR_CONNECTION", "ERR_INCOMPLETE")
TOKENS = {"all": "platform", "pay": "team-pay"}
SEEN_BY_PAY = {"payments", "checkout"}
"""payments, and who calls it."""


@pytest.fixture(scope="module")
def guarded(engine: EngineChild, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console that wants a token: one of the names of TOKENS."""
    entries = [
        f'[tokens.{name}]\nsha256 = "{hashlib.sha256(name.encode()).hexdigest()}"\ngroups = ["{group}"]\n' for name, group in TOKENS.items()
    ]
    access = tmp_path_factory.mktemp("access") / "access.toml"
    access.write_text(
        '[groups.platform]\n[groups.team-pay]\nscope = "workload=payments"\n[proxy]\nnetworks = ["127.0.0.1/32"]\n' + "".join(entries)
    )
    with console_over(engine.url, settings={"console_access": access}) as address:
        yield address


def the_map(page: Page) -> Locator:
    """What the map shows, as a list for those who cannot see it."""
    return page.get_by_role("list", name="Shapes and edges of the map")


def test_a_page_fills_by_itself_keeps_its_picture_while_the_engine_is_away_and_goes_on_afterwards(
    open_page: Opener, tmp_path: Path
) -> None:
    with EngineChild(tmp_path / "data", "empty") as engine, console_over(engine.url) as address:
        page = open_page(address=address, allow=AWAY)
        expect(page.get_by_role("heading", name="No flow has arrived yet")).to_be_visible()
        expect(page.get_by_text("weir agent")).to_be_visible()
        engine.add_window()
        expect(the_map(page)).to_contain_text("payments")
        expect(page.get_by_role("heading", name="No flow has arrived yet")).to_have_count(0)
        engine.kill()
        expect(page.get_by_text(re.compile("no answer for"))).to_be_visible()
        expect(the_map(page)).to_contain_text("payments")
        engine.start()
        expect(page.get_by_text(re.compile("no answer for"))).to_have_count(0)
        expect(page.get_by_role("alert")).to_have_count(0)
        engine.add_window()
        page.get_by_role("link", name="Flows").click()
        expect(page.get_by_role("table", name="Flows")).to_contain_text("payments")
        page.close()


def test_where_nothing_matches_the_term_that_excludes_all_is_named_and_one_click_removes_it(open_page: Opener) -> None:
    page = open_page("map?q=server%3Dpayments%20client%3Dnobody-at-all")
    expect(page.get_by_role("heading", name="Nothing matches the filter")).to_be_visible()
    page.get_by_role("button", name="Remove client=nobody-at-all").last.click()
    expect(page).to_have_url(re.compile("q=server%3Dpayments$"))
    expect(the_map(page)).to_contain_text("checkout")


def test_a_span_without_flows_leads_to_one_with(open_page: Opener) -> None:
    page = open_page("map?from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z")
    expect(page.get_by_role("heading", name="No flow in this span")).to_be_visible()
    page.get_by_role("button", name="Last 15 minutes").click()
    expect(the_map(page)).to_contain_text("payments")


def test_silent_nodes_are_named(open_page: Opener) -> None:
    page = open_page("truth")
    expect(page.get_by_role("main")).to_contain_text(re.compile("node-4, node-5"))
    expect(page.get_by_role("main")).to_contain_text("map_full")


def test_a_filter_that_cannot_be_read_says_where(open_page: Opener) -> None:
    page = open_page("map?q=port%3D(", allow=("400",))
    expect(page.get_by_role("alert").first).to_be_visible()
    page.get_by_role("button", name="Remove the filter").first.click()
    expect(the_map(page)).to_contain_text("payments")


def test_an_answer_that_takes_long_says_what_to_narrow_and_the_old_picture_stays(open_page: Opener) -> None:
    page = ready(open_page("map?from=now-30m&to=now"))
    held: list[Route] = []
    page.route("**/api/v1/groups*", lambda route: held.append(route), times=1)
    page.get_by_role("combobox", name="Span").select_option("now-1h")
    expect(page.get_by_text("longer than 2 s")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(the_map(page)).to_contain_text("payments")
    held[0].continue_()
    expect(page.get_by_text("longer than 2 s")).to_have_count(0)


def test_a_question_beyond_the_limits_says_the_way_out(open_page: Opener) -> None:
    page = open_page("map", allow=("422",))
    told = {"type": "about:blank", "title": "Too much to read", "status": 422, "detail": "3e8 rows are the most: ask for a shorter span."}
    page.route("**/api/v1/groups*", lambda route: route.fulfill(status=422, json=told, content_type="application/problem+json"))
    page.get_by_role("combobox", name="Span").select_option("now-30d")
    expect(page.get_by_role("alert")).to_contain_text("ask for a shorter span")
    page.unroute("**/api/v1/groups*")
    page.get_by_role("button", name="Last 15 minutes").click()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_line_at_the_bottom_says_how_far_a_live_picture_is_behind(open_page: Opener) -> None:
    """The shop's last window is two minutes old; a span that ends before it is complete."""
    line = re.compile("^complete until")
    live = ready(open_page("map"))
    expect(live.get_by_role("button", name=line)).to_contain_text("behind")
    past = ready(open_page("map?from=now-30m&to=now-20m"))
    expect(past.get_by_role("button", name=line)).to_contain_text("unnamed")
    expect(past.get_by_role("button", name=line)).not_to_contain_text("behind")


def test_a_page_that_fails_leaves_the_others_alone(open_page: Opener) -> None:
    page = open_page("views", allow=("",))
    page.route("**/api/v1/losses*", lambda route: route.fulfill(json={"data": None, "meta": None}))
    page.get_by_role("link", name="Truth").click()
    expect(page.get_by_role("heading", name="This page has failed")).to_be_visible()
    page.get_by_role("link", name="Views").click()
    expect(page.get_by_role("region", name="Views", exact=True)).to_be_visible()


def log_in(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()


def test_a_stranger_is_asked_for_a_token_which_lasts_as_long_as_the_tab(open_page: Opener, guarded: str) -> None:
    page = open_page(address=guarded, allow=("401",))
    log_in(page, "wrong")
    expect(page.get_by_text("not known here")).to_be_visible()
    log_in(page, "all")
    expect(the_map(page)).to_contain_text("postgres")
    page.reload()
    expect(the_map(page)).to_contain_text("postgres")


def test_somebody_in_no_group_is_told_so(open_page: Opener, guarded: str) -> None:
    with Proxy(guarded, "/", strips=False, headers={"Remote-User": "eve", "Remote-Groups": "strangers"}) as proxy:
        page = open_page(address=proxy.address, allow=("403",))
        expect(page.get_by_text("eve is in no group").first).to_be_visible()
        page.close()


def test_who_may_see_one_workload_learns_no_other_name_on_any_page(open_page: Opener, guarded: str) -> None:
    page = open_page(address=guarded, allow=("401",))
    heard: list[str] = []
    page.on("response", lambda response: heard.append(response.url) if "/api/v1/" in response.url else None)
    log_in(page, "pay")
    expect(the_map(page)).to_contain_text("checkout")
    foreign = re.compile(
        "|".join(sorted(set(NODES_OF) - SEEN_BY_PAY - {"search", "web", "dns", "index", "archive", "reports"})) + "|node-4"
    )
    for name in ("Health", "Security", "Cost", "Path", "Segments", "Explore", "Flows", "Address", "Truth", "Views", "Map"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        ready(page)
        assert foreign.findall(page.locator("body").inner_text()) == [], name
    page.keyboard.press("Control+k")
    page.keyboard.type("post")
    expect(page.get_by_text("No workload of this span")).to_be_visible()
    answers = [page.request.get(url, headers={"Authorization": "Bearer pay"}).text() for url in dict.fromkeys(heard) if "/live" not in url]
    assert len(answers) > 8
    assert [found for answer in answers for found in foreign.findall(answer)] == []
