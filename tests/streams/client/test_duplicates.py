"""The rule by which a consumer of weir.attributed counts every part of every block once."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from schemas.errors import Unreadable, WeirError
from streams.client import duplicates as repeats
from streams.client.duplicates import DeliveryState, Part, part_of

PARTITIONS = 3
Log = dict[int, list[Part]]


def block(first: int, last: int, parts: int, source: str = "weir.flows:3") -> list[Part]:
    return [Part(source, first, last, number, parts) for number in range(1, parts + 1)]


def counted(messages: list[Part], seen: DeliveryState | None = None) -> list[Part]:
    seen = seen or DeliveryState()
    start = seen.next_offset or 0
    return [part for offset, part in enumerate(messages, start) if seen.take(offset, part)]


def test_a_block_published_again_counts_once() -> None:
    first, second = block(0, 9, 3), block(10, 19, 2)
    assert counted([*first, *first, *second, *second]) == [*first, *second]


def test_a_block_cut_short_is_made_whole_by_its_repeat() -> None:
    whole, following = block(0, 9, 5), block(10, 12, 1)
    assert sorted(counted([*whole[:2], *whole, *following]), key=repr) == sorted([*whole, *following], key=repr)


def test_a_worker_that_slept_through_it_adds_nothing() -> None:
    old, new = block(0, 9, 5), [*block(10, 19, 2), *block(20, 29, 2)]
    assert counted([*old[:2], *old, *new, *old[2:], *old]) == [*old[:2], *old[2:], *new]


def test_a_group_that_was_set_back_goes_on_behind_what_was_seen() -> None:
    assert counted([*block(0, 9, 1), *block(0, 5, 1), *block(6, 12, 2), *block(13, 14, 1)]) == [
        *block(0, 9, 1),
        *block(6, 12, 2),
        *block(13, 14, 1),
    ]


def test_sources_do_not_disturb_one_another() -> None:
    here, there, again = block(0, 9, 2), block(0, 9, 2, "weir.flows:4"), block(0, 9, 2, "weir.flows:3@id-of-a-new-topic")
    assert counted([*here, *there, *again]) == [*here, *there, *again]


def test_what_is_delivered_again_from_before_was_taken() -> None:
    seen, messages = DeliveryState(), block(0, 9, 4)
    assert counted(messages, seen) == messages
    assert [seen.take(offset, part) for offset, part in enumerate(messages)] == [False] * 4


def test_the_state_is_its_text() -> None:
    seen = DeliveryState()
    assert seen.text == "" and DeliveryState.from_text("").next_offset is None
    counted([*block(0, 9, 100)[:70], *block(4, 4, 1, "weir.forward.eu:0@x")], seen)
    again = DeliveryState.from_text(seen.text)
    assert (again.text, again.next_offset) == (seen.text, 71)
    assert counted(block(0, 9, 100), again) == block(0, 9, 100)[70:]


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"next": 1}', '{"next": 1, "blocks": {"a": [1, 2]}}', '{"next": 1, "blocks": {"a": [1, 2, 3]}}']
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(WeirError, match="is none of a consumer of weir.attributed"):
        DeliveryState.from_text(text)


def test_what_is_remembered_is_bounded_and_the_longest_silent_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "REMEMBERED_SOURCES", 2)
    seen, (one, two, three) = DeliveryState(), (block(0, 9, 1, name)[0] for name in ("one:0", "two:0", "three:0"))
    assert counted([one, two, one, three], seen) == [one, two, three]
    assert "two:0" not in seen.text
    assert counted([one, three], seen) == []


def test_headers_of_a_worker() -> None:
    headers = [("weir-source", b"weir.flows:3:10-19"), ("weir-topic-id", b"abc"), ("weir-part", b"2/7"), ("traceparent", None)]
    assert part_of(headers) == Part("weir.flows:3@abc", 10, 19, 2, 7)
    assert part_of([headers[0], headers[2]]) == Part("weir.flows:3", 10, 19, 2, 7)


@pytest.mark.parametrize(
    ("source", "part"),
    [
        (b"", b"1/1"),
        (b"weir.flows:3:10-19", b""),
        (b"weir.flows:3:10-19", b"0/1"),
        (b"weir.flows:3:10-19", b"2/1"),
        (b"weir.flows:3:19-10", b"1/1"),
        (b"weir.flows:3:10", b"1/1"),
        (b"weir.flows:3:10-19-20", b"1/1"),
        (b"10-19", b"1/1"),
        (b"\xff", b"\xff"),
        ("weir.flows:3:1-²".encode(), b"1/1"),
    ],
)
def test_headers_of_nobody(source: bytes, part: bytes) -> None:
    with pytest.raises(Unreadable):
        part_of([("weir-source", source), ("weir-part", part)])


class Workers:
    """Publish blocks of some source partitions in order, die in between, are succeeded, and wake up later to go on where they slept."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.log: Log = {partition: [] for partition in range(PARTITIONS)}
        self.blocks: dict[str, list[list[tuple[int, Part]]]] = {f"weir.flows:{number}": [] for number in range(4)}
        self._slept: list[list[tuple[int, Part]]] = []

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self._publish(self._next_block(self.random.choice(list(self.blocks))))
            if self._slept and self.random.random() < 0.2:
                self._append(self._slept.pop(self.random.randrange(len(self._slept))))

    def _next_block(self, source: str) -> list[tuple[int, Part]]:
        """Every part has a partition, whoever publishes it."""
        first = self.blocks[source][-1][0][1].last + 1 if self.blocks[source] else 0
        parts = block(first, first + self.random.randrange(9), self.random.randrange(1, 9), source)
        placed = sorted(((self.random.randrange(PARTITIONS), part) for part in parts), key=lambda place: place[1].number)
        self.blocks[source].append(placed)
        return placed

    def _publish(self, placed: list[tuple[int, Part]]) -> None:
        """Whole at last. Partitions take their messages in order, but each as far as it came."""
        while self.random.random() < 0.4:
            reached = {partition: self.random.randrange(len(placed) + 1) for partition in range(PARTITIONS)}
            self._append([(partition, part) for number, (partition, part) in enumerate(placed) if number < reached[partition]])
            if self.random.random() < 0.5:
                self._slept.append([(partition, part) for number, (partition, part) in enumerate(placed) if number >= reached[partition]])
        self._append(placed)

    def _append(self, placed: list[tuple[int, Part]]) -> None:
        for partition, part in placed:
            self.log[partition].append(part)


@pytest.mark.parametrize("seed", range(40))
def test_totals_are_exact_through_crashes_of_everybody(seed: int) -> None:
    """The consumer dies too: totals and state are of one moment, and what came after it is read again."""
    workers = Workers(seed)
    workers.run(60)
    totals = Counter[tuple[int, Part]]()
    for partition, messages in workers.log.items():
        stored = ""
        while (offset := DeliveryState.from_text(stored).next_offset or 0) < len(messages):
            seen, fresh = DeliveryState.from_text(stored), Counter[tuple[int, Part]]()
            for number in range(offset, min(len(messages), offset + workers.random.randrange(1, 20))):
                if seen.take(number, messages[number]):
                    fresh[partition, messages[number]] += 1
            if workers.random.random() < 0.7:
                totals, stored = totals + fresh, seen.text
    expected = Counter(placed for blocks in workers.blocks.values() for placed_parts in blocks for placed in placed_parts)
    assert sum(map(len, workers.log.values())) > sum(expected.values())
    assert totals == expected
