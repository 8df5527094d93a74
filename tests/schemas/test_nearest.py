"""Which known name was meant."""

from __future__ import annotations

import pytest

from schemas.nearest import either, hint, nearest

KNOWN = ("client", "server", "server_ip", "server_zone", "shop/web", "payments/web", "wet", "WEIR_MODE")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("clinet", "client"),
        ("CLIENT", "client"),
        ("web", "shop/web"),
        ("zone", "server_zone"),
        ("weir_mod", "WEIR_MODE"),
        ("shop/wep", "shop/web"),
    ],
)
def test_a_whole_word_of_a_name_goes_before_what_is_spelt_alike(name: str, found: str) -> None:
    assert nearest(name, KNOWN) == (found,)


@pytest.mark.parametrize("name", ["", "/", "quantum", "\x00", "q" * 100_000])
def test_what_is_like_nothing_is_near_to_nothing(name: str) -> None:
    assert nearest(name, KNOWN) == () == nearest(name, ())


def test_several_are_asked_for_the_nearest_first() -> None:
    assert nearest("srever", KNOWN, 3) == ("server", "server_ip")
    assert nearest("web", KNOWN, 2) == ("shop/web", "payments/web")


def test_a_hint_ends_a_sentence_and_always_says_a_way_on() -> None:
    assert hint(("a",)) == "did you mean a?"
    assert hint(("a", "b", "c"), KNOWN) == "did you mean a, b or c?"
    assert hint((), ("x", "y")) == "known are x, y."
    assert hint((), ("x", "y"), otherwise="`weir --help` lists them all.") == "`weir --help` lists them all."
    assert either(["a", "b"]) == "a or b"
