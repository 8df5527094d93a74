"""A metric by hour: what groups had is what raw flows add up to; and how much of an hour is known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sinks.engines.base import Engine
from sinks.filter.parse import parse
from sinks.open import open_engine, open_sink
from sinks.queries.hourly import Hourly, ask_hours
from sinks.queries.reported_hours import ask_reported_hours
from sinks.queries.spans import Span
from sinks.queries.status import ask_oldest
from streams.insights.forecast.gaps import gaps

pytestmark = pytest.mark.long

START_S = 1_767_225_600
"""2026-01-01 00:00:00 UTC."""
HOURS = 6
SPAN = Span(START_S, START_S + HOURS * 3_600)
PAIRS = (("web", "db"), ("web", "cache"), ("jobs", "db"), ("jobs", "mail"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Pair n has n + 1 flows of 100 bytes an hour, from hour n on; n1 tells of every window, n2 of none of the third hour."""
    url = f"chdb://{tmp_path_factory.mktemp('hourly') / 'data'}"
    sink = open_sink(url)
    sink.migrate()
    sink.close()
    found = open_engine(url)
    for at, (client, server) in enumerate(PAIRS):
        found.execute(
            "INSERT INTO weir.edges_1h (window_start, network, client, server, protocol, service_port, client_zone, bytes_sent,"  # noqa: S608
            " packets_sent, connections_failed, flows)"
            f" SELECT toDateTime({START_S} + 3600 * number, 'UTC'), 'default', '{client}', '{server}', 'tcp', 443, 'z{at % 2}',"
            f" {100 * (at + 1)} * (number + 1), 10, {int(at == 2)}, 1 FROM numbers({HOURS}) WHERE number >= {at}"
        )
    windows = "SELECT '{0}', 1, toDateTime({1} + 10 * number, 'UTC'), 10, 0, 1 FROM numbers({2}) WHERE intDiv(number, 360) != {3}"
    for node, silent in (("n1", -1), ("n2", 2)):
        found.execute(
            "INSERT INTO weir.batches (node_id, epoch, window_start, window_seconds, batch_index, batch_count) "
            + windows.format(node, START_S, 360 * HOURS, silent)
        )
    lost = f"toDateTime({START_S + 4 * 3_600}, 'UTC'), 'n1', 1, 'agent', 'map_full', 1, 1, 0"
    found.execute(f"INSERT INTO weir.losses (window_start, node_id, epoch, stage, reason, flows, packets, bytes) SELECT {lost}")  # noqa: S608
    yield found
    found.close()


def of(pair: int) -> list[float]:
    return [100.0 * (pair + 1) * (hour + 1) if hour >= pair else 0.0 for hour in range(HOURS)]


def test_the_largest_groups_have_their_hours_and_all_others_are_one(engine: Engine) -> None:
    found = ask_hours(engine.ask, Hourly(SPAN, ("client", "service_port", "server"), limit=2), ask_oldest(engine.ask))
    assert found.groups.to_pylist() == [
        {"client": "jobs", "service_port": 443, "server": "mail", "other": False},
        {"client": "jobs", "service_port": 443, "server": "db", "other": False},
        {"client": None, "service_port": None, "server": None, "other": True},
    ]
    assert found.values.tolist() == [of(3), of(2), list(np.add(of(0), of(1)))]


def test_without_dimensions_there_is_the_whole(engine: Engine) -> None:
    found = ask_hours(engine.ask, Hourly(SPAN, (), metric="packets"), ask_oldest(engine.ask))
    assert found.groups.to_pylist() == [{"other": False}]
    assert found.values.tolist() == [[10.0, 20, 30, 40, 40, 40]]


@pytest.mark.parametrize(("written", "pairs"), [
    ("server=db", [2, 0]), ("failed>0", [2]), ("client_zone=z1 bytes>1kB", [3, 1]), ("bytes<1B", []), ("server=nobody", []),
])  # fmt: skip
def test_a_filter_lets_groups_through_by_what_they_are_and_by_their_sums(engine: Engine, written: str, pairs: list[int]) -> None:
    found = ask_hours(engine.ask, Hourly(SPAN, ("client", "server"), filter=parse(written)), ask_oldest(engine.ask))
    assert [(row["client"], row["server"]) for row in found.groups.to_pylist()] == [PAIRS[at] for at in pairs]
    assert found.values.tolist() == [of(at) for at in pairs]


def test_others_are_let_through_by_the_filter_too(engine: Engine) -> None:
    question = Hourly(SPAN, ("client", "server"), filter=parse("bytes>4kB"), limit=1)
    found = ask_hours(engine.ask, question, ask_oldest(engine.ask))
    assert found.values.tolist() == [of(3), of(2)]


def test_hours_are_known_by_who_told_of_them_and_by_what_was_lost(engine: Engine) -> None:
    before = Span(START_S - 7_200, SPAN.end_s)
    found = ask_reported_hours(engine.ask, before)
    assert found.told_s.tolist() == [0, 0, 7_200, 7_200, 3_600, 7_200, 7_200, 7_200]
    assert found.expected_s.tolist() == [0, 0, *[7_200] * 6]
    assert found.lost.tolist() == [0.0] * 6 + [1 / 41, 0.0]
    assert gaps(found).tolist() == [True, True, False, False, True, False, True, False]
