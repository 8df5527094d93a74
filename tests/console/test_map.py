"""The map as a picture: what it folds, that nothing lies over anything, and that nothing moves by itself."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.console import map_hook
from tests.console.shop import FLEET, FLEET_BEFORE_S, SPACES
from tests.console.support import EngineChild, Opener, ready

MOST_SHAPES = 60


@pytest.fixture
def fleet(engine: EngineChild) -> str:
    """Parameters of the span in which the fleet played: a day before the shop was filled."""
    end_s = engine.filled_s - FLEET_BEFORE_S
    return f"from={end_s - 300}&to={end_s}"


def in_the_way(page: Page) -> list[tuple[str, str]]:
    return map_hook.overlapping(list(map_hook.boxes(page).values())) + map_hook.overlapping(map_hook.badges(page))


def test_a_refresh_moves_nothing(open_page: Opener, engine: EngineChild) -> None:
    page = ready(open_page("map"))
    before, times = map_hook.boxes(page), map_hook.shown(page)
    engine.add_window()
    map_hook.wait_for_another(page, times)
    after = map_hook.boxes(page)
    assert before.keys() == after.keys()
    assert {key: (box.left, box.top) for key, box in after.items()} == {key: (box.left, box.top) for key, box in before.items()}


def test_a_fleet_is_folded_at_first_and_opens_in_place(open_page: Opener, fleet: str) -> None:
    page = ready(open_page(f"map?{fleet}"))
    folded = map_hook.boxes(page)
    assert set(folded) == {f"n:{space}" for space in SPACES}
    assert in_the_way(page) == []
    times = map_hook.shown(page)
    page.mouse.dblclick(folded["n:pay"].x, folded["n:pay"].y)
    expect(page).to_have_url(re.compile("open=n%3Apay|open=n:pay"))
    map_hook.wait_for_another(page, times)
    page.wait_for_function("() => window.weirMap.boxes().length > 6")
    opened = map_hook.boxes(page)
    assert len(opened) == len(SPACES) - 1 + FLEET // len(SPACES)
    assert {key: box.place for key, box in opened.items() if key in folded} == {key: folded[key].place for key in set(folded) - {"n:pay"}}
    assert in_the_way(page) == []
    page.keyboard.press("u")
    page.wait_for_function("() => window.weirMap.boxes().length == 6")
    assert {key: box.place for key, box in map_hook.boxes(page).items()} == {key: box.place for key, box in folded.items()}


@pytest.mark.parametrize("query", ["q=client_namespace%3Dpay&fold=none", "limit=60&fold=prefix", "fold=zone"])
def test_the_first_look_is_never_more_than_sixty_shapes_and_none_lies_over_another(open_page: Opener, fleet: str, query: str) -> None:
    page = ready(open_page(f"map?{fleet}&{query}"))
    assert in_the_way(page) == []
    if "fold=none" not in query:
        assert 1 <= len(map_hook.boxes(page)) <= MOST_SHAPES


def test_two_times_are_compared_in_one_picture(open_page: Opener) -> None:
    page = ready(open_page("map?compare=-1h"))
    page.wait_for_function("() => window.weirMap.edges().some((edge) => edge.state === 'new')")
    states = map_hook.states(page)
    assert states["w:catalog", "w:recommender"] == "new"
    assert states["w:catalog", "w:index"] == "gone"
    assert states["w:web", "w:gateway"] == "plain"
    expect(page.get_by_role("complementary", name="Differences")).to_contain_text("recommender")


def test_only_what_is_wrong_stays_in_sight(open_page: Opener) -> None:
    page = ready(open_page("map"))
    page.keyboard.press("e")
    expect(page.get_by_role("button", name="only wrong")).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("only=wrong"))
    states = map_hook.states(page)
    assert states["w:reports", "w:archive"] == "failing"
    assert states["w:payments", "d:cards.example"] == "resent"
    assert [edge for edge, state in states.items() if state in ("failing", "reset", "resent")] == [
        edge for edge in states if edge in (("w:reports", "w:archive"), ("w:payments", "d:cards.example"))
    ]
