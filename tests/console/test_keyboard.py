"""Everything that matters, without a mouse."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.console.support import Opener, ready

FOCUSED = """() => { const at = document.activeElement; if (!at || at === document.body) return null;
const style = getComputedStyle(at), around = getComputedStyle(at.closest(".filter-line, label, li, ul") ?? at);
return [at.getAttribute("aria-label") || at.textContent.trim().slice(0, 40) || at.tagName,
  [style, around].some((one) => one.outlineStyle !== "none" && one.outlineWidth !== "0px" || one.boxShadow !== "none")]; }"""


def tabbed(page: Page, most: int = 60) -> dict[str, bool]:
    """What Tab reaches from the page's beginning on, and whether it can be seen that it has the focus."""
    found: dict[str, bool] = {}
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None:
            break
        found[focused[0]] = focused[1]
    return found


def test_tab_reaches_all_that_can_be_done_on_the_map_and_shows_where_it_is(open_page: Opener) -> None:
    reached = tabbed(ready(open_page("map")))
    wanted = (
        "Map",
        "Explore",
        "Truth",
        "Filter",
        "Theme",
        "fit",
        "only wrong",
        "Copy",
        "The span before",
        "Span",
        "live",
        "complete until",
    )
    assert [name for name in wanted if not any(one.startswith(name) or name in one for one in reached)] == []
    assert [name for name, visible in reached.items() if not visible] == []


def test_pages_help_and_the_filter_have_keys(open_page: Opener) -> None:
    page = ready(open_page("map"))
    for key, name in (
        ("h", "Health"),
        ("s", "Security"),
        ("c", "Cost"),
        ("p", "Path"),
        ("r", "Segments"),
        ("f", "Flows"),
        ("t", "Truth"),
        ("v", "Views"),
        ("m", "Map"),
    ):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.get_by_role("region", name=name, exact=True)).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile("to="))
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="live")).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(page).to_have_url(re.compile("to="))


def test_a_filter_is_written_completed_and_used(open_page: Opener) -> None:
    page = ready(open_page("map"))
    page.keyboard.press("/")
    page.keyboard.type("server=paym")
    expect(page.get_by_role("option", name=re.compile("payments"))).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value(re.compile("server=payments"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=server%3Dpayments"))
    the_map = page.get_by_role("list", name="Shapes and edges of the map")
    expect(the_map).to_contain_text("checkout")
    expect(the_map).not_to_contain_text("postgres")


def test_a_wrong_filter_is_told_at_its_place_and_left_by_escape(open_page: Opener) -> None:
    page = ready(open_page("map", allow=("400",)))
    page.keyboard.press("/")
    page.keyboard.type("port in (443")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("combobox", name="Filter")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("combobox", name="Filter").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("q="))


def test_arrows_walk_the_map_and_enter_opens(open_page: Opener) -> None:
    page = ready(open_page("map"))
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("sel="))
    first = page.url
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(first)
    expect(page.get_by_role("complementary", name="Details")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary", name="Details")).to_have_count(0)
