"""Where the shapes of the map stand and how its edges run: read from window.weirMap, with answers of a known size in the server's place."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.bench.console import maps
from tests.bench.console.serve import ADDRESS, Parameters, serve

SIZED = 1280, 800
LATE = "boxes.some((box) => box.key === 'w:late/comer-1')"
Answers = Callable[[Parameters], dict[str, Any]]
Show = Callable[[Answers, str], Page]


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    pages: list[Page] = []

    def opened(answers: Answers, address: str = "map") -> Page:
        page = browser.new_page(viewport={"width": SIZED[0], "height": SIZED[1]})
        pages.append(page)
        serve(page, answers)
        page.goto(ADDRESS + address)
        page.wait_for_function("window.weirMap && window.weirMap.shown > 0")
        return page

    yield opened
    for page in pages:
        page.close()


def folded(pairs: list[maps.Pair]) -> Answers:
    return lambda asked: maps.answer(pairs, asked.get("fold", "namespace"), asked.get("open", "").split(","), "compare" in asked)


def boxes(page: Page) -> dict[str, dict[str, Any]]:
    return {box["key"]: box for box in page.evaluate("window.weirMap.boxes()")}


def once(page: Page, condition: str, act: Callable[[], None]) -> dict[str, dict[str, Any]]:
    """The boxes once a condition on `boxes` holds, after `act`."""
    act()
    page.wait_for_function(f"() => {{ const boxes = window.weirMap.boxes(); return {condition}; }}")
    return boxes(page)


def overlaps(a: dict[str, Any], b: dict[str, Any]) -> bool:
    apart = a["left"] + a["width"] <= b["left"] or b["left"] + b["width"] <= a["left"]
    return not (apart or a["top"] + a["height"] <= b["top"] or b["top"] + b["height"] <= a["top"])


def covered(things: list[dict[str, Any]]) -> list[tuple[str, str]]:
    pairs = ((one, other) for at, one in enumerate(things) for other in things[at + 1 :])
    return [(str(a.get("key", a.get("text"))), str(b.get("key", b.get("text")))) for a, b in pairs if overlaps(a, b)]


def crossed(page: Page) -> list[str]:
    """Boxes that an edge between two others runs through."""
    every = list(boxes(page).values())
    found = []
    for edge in page.evaluate("window.weirMap.edges()"):
        others = [box for box in every if box["key"] not in (edge["from"], edge["to"])]
        for x, y in edge["points"]:
            inside = (box for box in others if 1 < x - box["left"] < box["width"] - 1 and 1 < y - box["top"] < box["height"] - 1)
            found += [f"{edge['from']} > {edge['to']} through {box['key']}" for box in inside]
    return found


@pytest.mark.parametrize("pairs", [maps.fleet(), maps.star(59), maps.fleet(60, 190)], ids=["folded", "one hub", "dense"])
def test_sixty_shapes_stand_apart_in_the_picture_and_no_edge_runs_through_a_box(show: Show, pairs: list[maps.Pair]) -> None:
    page = show(folded(pairs) if len(pairs) > 1_000 else lambda _: maps.answer(pairs), "map")
    drawn = boxes(page)
    assert 55 <= len(drawn) <= 60
    assert any(edge["state"] == "failing" for edge in page.evaluate("window.weirMap.edges()")) == any(pair.fails for pair in pairs)
    assert covered([*drawn.values(), *page.evaluate("window.weirMap.badges()")]) == []
    assert crossed(page) == []
    assert all(box["left"] >= 0 and box["left"] + box["width"] <= SIZED[0] for box in drawn.values())


def test_another_time_moves_no_shape_and_a_new_one_takes_free_room(show: Show) -> None:
    pairs = maps.fleet(50, 120)
    newer = maps.Pair("late/comer-1", pairs[0].server, 5_000, 3)
    first: list[str] = []

    def answers(asked: Parameters) -> dict[str, Any]:
        first[:] = first or [asked["from"]]
        return maps.answer(pairs if asked["from"] == first[0] else [*reversed(pairs), newer])

    page = show(answers, "map")
    before = boxes(page)
    after = once(page, LATE, lambda: page.keyboard.press("["))
    assert after.keys() - before.keys() == {"w:late/comer-1"}
    assert [key for key, box in before.items() if box != after[key]] == []
    assert covered(list(after.values())) == []


def test_one_shape_more_moves_none_of_two_thousand(show: Show) -> None:
    pairs = maps.fleet()
    newer = maps.Pair("late/comer-1", pairs[0].server, 5_000, 3)
    page = show(lambda asked: maps.answer([*pairs, newer] if asked["from"] != "now-15m" else pairs), "map")
    before = {key: box["place"] for key, box in boxes(page).items()}
    after = {key: box["place"] for key, box in once(page, LATE, lambda: page.keyboard.press("[")).items()}
    assert len(after) == len(before) + 1
    assert {key for key in before if before[key] != after[key]} == set()


def test_a_group_opens_beside_what_is_there_and_folds_back_to_its_place(show: Show) -> None:
    page = show(folded(maps.fleet()), "map")
    before = boxes(page)
    group = before["n:paydata"]
    x, y = group["left"] + group["width"] / 2, group["top"] + group["height"] / 2
    canvas = page.locator(".stage > canvas")
    opened = once(page, "boxes.some((box) => box.group)", lambda: canvas.dblclick(position={"x": x, "y": y}))
    members = {key for key, box in opened.items() if box["group"] == "n:paydata"}
    assert len(members) > 1
    assert opened.keys() == before.keys() - {"n:paydata"} | members
    assert [key for key in opened.keys() - members if opened[key]["place"] != before[key]["place"]] == []
    assert covered(list(opened.values())) == []
    folded_again = once(page, "boxes.every((box) => !box.group)", lambda: page.keyboard.press("u"))
    assert {key: box["place"] for key, box in folded_again.items()} == {key: box["place"] for key, box in before.items()}


def test_the_same_rows_in_any_order_give_the_same_picture_bit_for_bit(show: Show) -> None:
    pairs = maps.fleet(60, 190)
    shuffled = random.Random(1).sample(pairs, len(pairs))
    pictures = []
    for order in (pairs, shuffled):
        answer = maps.answer(order)
        page = show(lambda _, answer=answer: answer, "map")  # type: ignore[misc]
        pictures.append(page.evaluate("document.querySelector('.stage > canvas').toDataURL()"))
    assert len(pictures[0]) > 10_000
    assert pictures[0] == pictures[1]


def test_two_times_are_compared_by_signs_on_the_map_and_in_a_table(show: Show) -> None:
    page = show(folded(maps.fleet(40, 60)), "map?fold=none&compare=-1d")
    table = page.get_by_role("table", name="Differences")
    table.wait_for()
    told = {edge["state"] for edge in page.evaluate("window.weirMap.edges()")}
    assert {"new", "less"} <= told
    assert any(badge["text"] == "+ new" for badge in page.evaluate("window.weirMap.badges()"))
    assert table.get_by_role("row").count() > 5


def test_what_is_different_fits_the_drawer_with_long_names(show: Show) -> None:
    page = show(folded(maps.star(8, "observability/a_server_whose_name_has_no_place_to_break")), "map?fold=none&compare=-1d")
    table = page.get_by_role("table", name="Differences")
    table.wait_for()
    assert table.evaluate("table => table.getBoundingClientRect().right <= table.closest('.drawer').getBoundingClientRect().right")


def test_the_arrow_keys_walk_from_shape_to_shape(show: Show) -> None:
    page = show(folded([maps.Pair("a", "b", 9, 1), maps.Pair("b", "c", 8, 1), maps.Pair("a", "d", 7, 1)]), "map")
    walked = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
        walked.append(page.get_by_role("complementary", name="Details").get_by_role("heading", level=2).inner_text())
    assert walked == ["b", "c", "b", "a"]
