"""What comes while the page is open."""

from __future__ import annotations

import time
from statistics import median

from playwright.sync_api import expect

from tests.console.support import EngineChild, Opener, ready
from tests.support.processes import PATIENCE

LIVE_SECONDS = 2.0


def test_new_rows_are_shown_within_two_seconds(open_page: Opener, engine: EngineChild) -> None:
    """The median of three: one may wait for the machine."""
    page = ready(open_page("flows?q=server%3Dpayments"))
    rows = page.get_by_role("table", name="Flows")
    expect(rows).to_contain_text("checkout")
    taken = []
    for _ in range(3):
        written = time.strftime("%H:%M:%S", time.gmtime(engine.end_s))
        expect(rows.get_by_text(written)).to_have_count(0)
        engine.add_window()
        begun = time.monotonic()
        expect(rows.get_by_text(written).first).to_be_visible()
        taken.append(time.monotonic() - begun)
    assert median(taken) < LIVE_SECONDS * PATIENCE, taken


def test_who_pauses_sees_what_is_there_until_he_goes_on(open_page: Opener, engine: EngineChild) -> None:
    page = ready(open_page("flows?q=server%3Dpayments"))
    table = page.get_by_role("table", name="Flows")
    expect(table).to_contain_text("checkout")
    with page.expect_response("**/api/v1/flows*"):  # pausing asks once more for what is there: what is written after that is not
        page.get_by_role("button", name="live").first.click()
    written = time.strftime("%H:%M:%S", time.gmtime(engine.end_s))
    engine.add_window()
    for _ in range(2):  # the first may have been asked before the window was written
        with page.expect_response("**/api/v1/status*"):
            pass
    expect(table.get_by_text(written)).to_have_count(0)
    page.get_by_role("button", name="paused").first.click()
    expect(table.get_by_text(written).first).to_be_visible()
