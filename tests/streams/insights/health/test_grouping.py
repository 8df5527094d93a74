"""Which episodes are one trouble, and whose."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from streams.insights.health.grouping import Edge, Trouble, grouped
from streams.insights.health.hysteresis import Episode
from streams.insights.health.signals import FAILURE, RESET, SHARES, SILENCE

EVERY = [*range(len(SHARES)), SILENCE]


def edge(client: str, server: str, port: int = 443) -> Edge:
    return Edge("", client, server, "tcp", port)


def episode(at: int, signal: int = FAILURE, since: int = 0, until: int | None = None) -> Episode:
    return Episode(signal, at, since, since + 1, until, 5.0, 10.0, 5.0)


def shown(troubles: Sequence[Trouble]) -> list[tuple[str, list[int]]]:
    return [(one.at, sorted(episode.edge for episode in one.episodes)) for one in troubles]


def test_a_scanner_of_forty_servers_and_twelve_ports_is_one_trouble() -> None:
    edges = [edge("scanner", f"s{server}", port) for server in range(40) for port in range(12)]
    assert shown(grouped([episode(at) for at in range(len(edges))], edges)) == [("client scanner", list(range(len(edges))))]


@pytest.mark.parametrize("signal", EVERY)
def test_what_one_client_sees_of_three_servers_is_its_own_by_any_signal(signal: int) -> None:
    edges = [edge("a", f"s{number}") for number in range(3)]
    assert shown(grouped([episode(at, signal) for at in range(3)], edges)) == [("client a", [0, 1, 2])]
    assert shown(grouped([episode(at, signal) for at in range(2)], edges)) == [("", [0]), ("", [1])]


def test_many_ports_of_two_servers_are_not_the_clients() -> None:
    edges = [edge("a", f"s{number % 2}", number) for number in range(12)]
    assert {at for at, _ in shown(grouped([episode(at) for at in range(12)], edges))} == {""}


def test_what_three_clients_see_of_a_server_is_the_servers_first() -> None:
    edges = [edge("a", "s"), edge("b", "s"), edge("c", "s"), edge("a", "t"), edge("a", "u"), edge("a", "v")]
    told = shown(grouped([episode(at) for at in range(6)], edges))
    assert told == [("server s", [0, 1, 2]), ("client a", [3, 4, 5])]


def test_what_is_left_by_servers_must_still_be_three() -> None:
    edges = [edge("a", "s"), edge("b", "s"), edge("c", "s"), edge("a", "t"), edge("a", "u")]
    assert shown(grouped([episode(at) for at in range(5)], edges)) == [("server s", [0, 1, 2]), ("", [3]), ("", [4])]


def test_one_after_another_with_a_pause_is_not_one_trouble() -> None:
    edges = [edge("a", f"s{number}") for number in range(3)]
    apart = [episode(at, since=10 * at, until=10 * at + 5) for at in range(3)]
    assert len(grouped(apart, edges)) == 3
    touching = [episode(at, since=10 * at, until=10 * at + 15) for at in range(3)]
    assert shown(grouped(touching, edges)) == [("client a", [0, 1, 2])]


def test_signals_and_networks_are_not_mixed() -> None:
    edges = [*(edge("a", f"s{number}") for number in range(2)), Edge("other", "a", "s2", "tcp", 443)]
    assert len(grouped([episode(at) for at in range(3)], edges)) == 3
    edges = [edge("a", f"s{number}") for number in range(3)]
    assert len(grouped([episode(0), episode(1), episode(2, RESET)], edges)) == 3
