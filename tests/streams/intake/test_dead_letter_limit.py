"""How many unreadable messages are too many, and what is said then."""

from __future__ import annotations

import pytest

from schemas.errors import Unreadable, WeirError
from streams.intake.dead_letter_limit import JUDGED_MESSAGES, SAMPLING_SECONDS, DeadLetterLimit

TORN = Unreadable("A message of 7 bytes is torn.")
START_US = 1_767_225_600_000_000


def take(refusals: DeadLetterLimit, outcomes: str, first: int = 0) -> int | None:
    """Messages in a row, `x` an unreadable one; the number of the first one after which nothing more may be applied."""
    for number, outcome in enumerate(outcomes, first):
        refusals.note(f"weir.flows:3:{number}", START_US + number * 1_000_000, TORN if outcome == "x" else None)
        try:
            refusals.check()
        except WeirError:
            return number
    return None


def test_the_message_that_tips_it_is_the_first_beyond_the_share() -> None:
    assert take(DeadLetterLimit(0.5), "." * 50 + "x" * 100) == 100
    assert take(DeadLetterLimit(0.5), "x." * 500) is None
    assert take(DeadLetterLimit(0.5), "xx." * 500) == JUDGED_MESSAGES - 1
    assert take(DeadLetterLimit(0.0), "." * 1_000 + "x") == 1_000


def test_fewer_messages_than_are_judged_say_nothing() -> None:
    assert take(DeadLetterLimit(0.5), "x" * (JUDGED_MESSAGES - 1)) is None
    assert take(DeadLetterLimit(0.5), "x" * JUDGED_MESSAGES) == JUDGED_MESSAGES - 1


def test_only_the_last_ones_count() -> None:
    refusals = DeadLetterLimit(0.5)
    assert take(refusals, "x" * 40 + "." * 60 + "." * 40 + "x" * 50) is None
    assert refusals.share == 0.5


def test_a_good_message_tips_nothing() -> None:
    """After a mend the letters of before are still remembered."""
    refusals = DeadLetterLimit(0.5)
    assert take(refusals, "x" * 99 + "." * 500) is None
    assert refusals.share == 0


def test_a_share_of_one_ends_nothing() -> None:
    assert take(DeadLetterLimit(1.0), "x" * 1_000) is None


def test_partitions_that_are_assigned_again_are_judged_anew() -> None:
    refusals = DeadLetterLimit(0.5)
    take(refusals, "x" * 99)
    refusals.forget()
    assert take(refusals, "x" * 99, first=99) is None
    assert refusals.share == 1.0


def test_the_sentence_names_share_beginning_reason_and_ways_out() -> None:
    refusals = DeadLetterLimit(0.5)
    take(refusals, "." * 30 + "x" * 200)
    with pytest.raises(WeirError) as raised:
        refusals.check()
    said = str(raised.value)
    assert said.startswith(
        "70 of the last 100 messages cannot be used, more than WEIR_DEAD_LETTER_SHARE=0.5 allows, since weir.flows:3:30 of 2026-"
    )
    assert "the last one, weir.flows:3:99," in said and "A message of 7 bytes is torn. Upgrade" in said and "\n" not in said
    assert said.endswith("set WEIR_DEAD_LETTER_SHARE=1 to put all of them aside.")


def test_it_samples_until_enough_was_taken_or_for_a_while() -> None:
    now = [0.0]
    refusals = DeadLetterLimit(0.5, lambda: now[0])
    take(refusals, "x" * 99)
    assert refusals.sampling
    take(refusals, ".")
    assert not refusals.sampling
    refusals.forget()
    assert refusals.sampling
    now[0] += SAMPLING_SECONDS
    assert not refusals.sampling
