"""Completion: what is wanted at the caret, and what it takes the place of. The bar is the caret."""

from __future__ import annotations

import pytest

from sinks.filter.complete import Place, offered, place


def at(marked: str) -> Place:
    before, behind = marked.split("|")
    return place(before + behind, len(before))


@pytest.mark.parametrize(
    "marked", ["|", "cl|", "client=a |", "not |", "(|", "client=a or |", "client=a cl|", "(client=a) |", "client foo|", "client=server |"]
)
def test_a_field_is_wanted(marked: str) -> None:
    found = at(marked)
    assert found.wanted == "field" and {"client", "port", "not"} <= set(found.candidates)


def test_or_is_offered_only_behind_something_that_it_can_join() -> None:
    assert ["or" in at(marked).candidates for marked in ("|", "(|", "a or |", "not |", "a |", "(a) |", "a o|")] == [False] * 4 + [True] * 3


@pytest.mark.parametrize(
    ("marked", "field"),
    [
        ("client=|", "client"), ("client=pa|", "client"), ("port in |", "service_port"), ("port in (|", "service_port"),
        ("port in (1, |", "service_port"), ("client not in (a, b|", "client"), ("not client != |", "client"), ("(x or zone=|", "zone"),
        ("client=server server=|", "server"), ('client="pay ro|', "client"),
    ],
)  # fmt: skip
def test_a_value_of_a_field_is_wanted(marked: str, field: str) -> None:
    found = at(marked)
    assert (found.wanted, found.field and found.field.name) == ("value", field)


def test_words_of_a_field_are_offered_without_a_look_into_the_tables() -> None:
    assert at("reason=|").candidates == ("unknown", "ambiguous", "shared", "gap", "external", "group", "link_local")
    assert at("nofield=|") == Place("value", 8, 8, "", None, ())


def test_operators_are_those_that_the_field_takes() -> None:
    assert at("client |").candidates == ("=", "!=", "in", "not in")
    assert at("port |").candidates == ("=", "!=", "in", "not in", "<", "<=", ">", ">=")
    assert at("failed |").candidates == (">", ">=", "<", "<=", "=", "!=")
    assert at("client not |").candidates == ("in",)
    assert at("client in (a |").candidates == (",", ")")
    assert at("client !|") == Place("operator", 7, 8, "!", at("client |").field, ("=", "!=", "in", "not in"))


@pytest.mark.parametrize(
    ("marked", "start", "end", "part"),
    [
        ("client=che|ckout server=b", 7, 15, "che"),
        ("cl|ient=a", 0, 6, "cl"),
        ("client=| server=b", 7, 7, ""),
        ('client="pay ro|ll" x', 7, 17, "pay ro"),
        ('client="pay| server=b', 7, 11, "pay"),
        ("client=pay*|", 7, 11, "pay"),
        ("port in (443,84|43)", 13, 17, "84"),
        ("a|", 0, 1, "a"),
    ],
)
def test_a_candidate_takes_the_place_of_the_whole_word(marked: str, start: int, end: int, part: str) -> None:
    found = at(marked)
    assert (found.start, found.end, found.part) == (start, end, part)


def test_what_begins_with_the_part_is_offered_first_and_fields_have_a_meaning() -> None:
    assert offered(at("rt|"))[:2] == (
        ("rtt", "mean of the smoothed round-trip times"),
        ("rtt_max", "longest of the smoothed round-trip times"),
    )
    assert [word for word, _ in offered(at("FAIL|"))] == ["failed"]
    assert [word for word, _ in offered(at("connections_f|"))] == ["connections_failed"]
    assert offered(at("reason=g|")) == (("gap", ""), ("group", ""), ("ambiguous", ""))
    assert ("or", "what fits either side") in offered(at("client=a o|"))
    assert offered(at("client !|")) == (("!=", ""),)
