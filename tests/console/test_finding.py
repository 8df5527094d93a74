"""From "something is wrong" to the edge that is guilty, in three actions at most, by mouse and by keyboard."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.console.map_hook import box_of
from tests.console.support import Opener, ready


def guilty_edge_of_payments_is_shown(page: Page) -> None:
    """What is slow is what payments asks of the card company: the way there loses packets."""
    details = page.get_by_role("complementary", name="Details")
    expect(details.get_by_role("heading", level=2)).to_contain_text(re.compile("payments.*cards.example"))
    expect(details).to_contain_text("sent again")
    expect(details).to_contain_text("The network loses packets")


def test_payments_is_slow_by_keyboard(open_page: Opener) -> None:
    page = ready(open_page("truth"))
    page.keyboard.press("Control+k")
    page.keyboard.type("payments")
    expect(page.get_by_role("option", name=re.compile("^payments"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Details").locator(":focus")).to_contain_text("cards.example")
    page.keyboard.press("Enter")
    guilty_edge_of_payments_is_shown(page)


def test_letters_typed_right_after_the_key_that_asks_for_them_are_the_dialogs(open_page: Opener) -> None:
    """Without a frame between: a page that is busy draws none, and keys are not held back until it does."""
    page = ready(open_page("truth"))
    focused = """async () => {
        dispatchEvent(new KeyboardEvent("keydown", {key: "k", ctrlKey: true}))
        for (let after = 0; after < 20; after++) await null
        return document.activeElement.ariaLabel
    }"""
    assert page.evaluate(focused) == "Workload or page"


def test_payments_is_slow_by_mouse(open_page: Opener) -> None:
    page = ready(open_page("map"))
    box = box_of(page, "w:payments")
    page.mouse.click(box.x, box.y)
    page.get_by_role("complementary", name="Details").get_by_role("listitem").first.get_by_role("button").click()
    guilty_edge_of_payments_is_shown(page)


def test_the_call_that_fails_is_the_first_that_the_map_tells(open_page: Opener) -> None:
    page = ready(open_page("map"))
    first = page.get_by_role("list", name="Shapes and edges of the map").get_by_role("button").first
    expect(first).to_contain_text(re.compile("reports calls archive.*failed"))
    first.focus()
    page.keyboard.press("Enter")
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("The server refuses")
    expect(details).to_contain_text("9001")
