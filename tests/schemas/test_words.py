"""Instants, names, protocols and topics: the small vocabularies."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.errors import Unreadable
from schemas.instants import format_instant, parse_instant, parse_instants
from schemas.names import check_name, check_names
from schemas.protocols import PROTOCOL_NAMES, PROTOCOL_NUMBERS, parse_protocol
from tests.schemas.samples import WINDOW_US
from tests.schemas.strategies import INSTANTS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(INSTANTS)
def test_instants_and_back(instant: int) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(INSTANTS, st.integers(-23 * 60, 23 * 60))
def test_any_offset(instant: int, minutes: int) -> None:
    moment = (EPOCH + timedelta(microseconds=instant)).astimezone(timezone(timedelta(minutes=minutes)))
    assert parse_instant(moment.isoformat()) == instant


@given(st.lists(INSTANTS, max_size=5), st.sampled_from(["auto", "seconds", "milliseconds", "microseconds"]))
def test_columns_of_instants(instants: list[int], precision: str) -> None:
    texts = [(EPOCH + timedelta(microseconds=value)).replace(tzinfo=None).isoformat(timespec=precision) + "Z" for value in instants]
    assert parse_instants(texts).tolist() == [parse_instant(text) for text in texts]


def test_decimals_beyond_the_sixth_are_cut_off() -> None:
    assert parse_instant("2026-01-01T00:00:00.123456999Z") == WINDOW_US + 123_456
    assert parse_instants(["2026-01-01T00:00:00.123456999Z"]).tolist() == [WINDOW_US + 123_456]


WRONG_INSTANTS = [
    "", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T24:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T00:00:60Z",
    "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+25:00", "20260101T000000Z", "٢٠٢٦-01-01T00:00:00Z", "2026-01-01T00:00:00z ",
    "0000-01-01T00:00:00Z", "+026-01-01T00:00:00Z", "2026-01-01X00:00:00Z",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG_INSTANTS)
def test_what_is_no_instant(text: str) -> None:
    for read in (lambda: parse_instant(text), lambda: parse_instants([text]), lambda: parse_instants(["2026-01-01T00:00:00Z", text])):
        with pytest.raises(Unreadable, match="is no RFC 3339 instant"):
            read()


@given(st.lists(st.text(max_size=600), max_size=4))
def test_many_names_are_checked_as_one_by_one(names: list[str]) -> None:
    def verdict(check: object) -> str:
        try:
            check()  # type: ignore[operator]
        except Unreadable as error:
            return str(error)
        return ""

    def one_by_one() -> None:
        for name in names:
            check_name("Name", name)

    assert verdict(lambda: check_names("Name", names)) == verdict(one_by_one)


@pytest.mark.parametrize("name", ["x" * 513, "ä" * 257, "a\nb", "a\0", "\x1b[31m", "\x7f", "\x9f", "\ud800"])
def test_forbidden_names(name: str) -> None:
    with pytest.raises(Unreadable, match="^Workload name ") as caught:
        check_names("Workload name", ["good", name])
    assert str(caught.value).isascii() and "\n" not in str(caught.value) and len(str(caught.value)) < 250


def test_every_protocol_has_one_name() -> None:
    assert len(set(PROTOCOL_NAMES)) == 256
    assert [parse_protocol(name) for name in PROTOCOL_NAMES] == list(range(256))
    assert (PROTOCOL_NAMES[6], PROTOCOL_NAMES[17], PROTOCOL_NAMES[58], PROTOCOL_NAMES[200]) == ("tcp", "udp", "ipv6-icmp", "200")


def test_protocol_names_are_the_systems() -> None:
    for line in Path("/etc/protocols").read_text().splitlines():
        words = line.partition("#")[0].split()
        if len(words) >= 2 and words[0] in PROTOCOL_NUMBERS:
            assert PROTOCOL_NUMBERS[words[0]] == int(words[1]), words[0]


def test_topics_are_those_of_the_design() -> None:
    found = {topic.name: topic for topic in topics.all_topics(flow_partitions=3, regions=("us",))}
    assert sorted(found) == sorted(
        [
            *("weir.flows", "weir.ip-events", "weir.ownership", "weir.attributed", "weir.forward.us"),
            *("weir.agent-config", "weir.dead-letter", "weir.findings"),
        ]
    )
    assert (found["weir.flows"].partitions, found["weir.ownership"].partitions) == (3, 1)
    assert found["weir.ownership"].config["cleanup.policy"] == "compact"
    assert topics.all_topics()[0].partitions == 8
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", name) for name in found)
