"""Every byte is counted once, from whichever side it was seen."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from schemas.protocols import TCP, UDP
from schemas.records.flow_batch import ROLE_CLIENT, ROLE_SERVER, ROLE_UNKNOWN
from streams.attribution.canonical import canonical
from tests.streams.support import address

LOW, HIGH, V6 = address(1), address(200), address(1, v6=True)


def counts(role: int, local: bytes, remote: bytes, *, agent: bool, protocol: int = TCP, port: int = 443) -> bool:
    ips = (np.frombuffer(ip, np.uint8).reshape(1, 16) for ip in (local, remote))
    key = (np.array([value], kind) for value, kind in ((protocol, np.uint8), (port, np.uint16), (role, np.uint8)))
    return bool(canonical(*key, *ips, np.array([agent]))[0])


@pytest.mark.parametrize(("one", "other"), [(LOW, HIGH), (HIGH, LOW), (LOW, V6), (V6, address(2, v6=True))])
@pytest.mark.parametrize("roles", [(ROLE_CLIENT, ROLE_SERVER), (ROLE_SERVER, ROLE_CLIENT), (ROLE_UNKNOWN, ROLE_UNKNOWN)])
def test_of_two_views_one_counts(one: bytes, other: bytes, roles: tuple[int, int]) -> None:
    assert counts(roles[0], one, other, agent=True) + counts(roles[1], other, one, agent=True) == 1


@pytest.mark.parametrize(("one", "other"), [(LOW, HIGH), (HIGH, LOW), (V6, address(2, v6=True))])
@pytest.mark.parametrize("roles", list(product((ROLE_CLIENT, ROLE_SERVER, ROLE_UNKNOWN), repeat=2)))
@pytest.mark.parametrize("ports", [(32_768, 32_768), (51_820, 40_000)])
def test_of_two_views_of_udp_one_counts_whatever_the_ends_make_of_it(
    one: bytes, other: bytes, roles: tuple[int, int], ports: tuple[int, int]
) -> None:
    views = ((roles[0], one, other, ports[0]), (roles[1], other, one, ports[1]))
    assert sum(counts(role, local, remote, agent=True, protocol=UDP, port=port) for role, local, remote, port in views) == 1


def test_what_is_known_by_its_port_counts_at_the_client() -> None:
    for protocol, port in ((UDP, 53), (UDP, 32_767), (TCP, 50_000)):
        assert counts(ROLE_CLIENT, HIGH, LOW, agent=True, protocol=protocol, port=port)
        assert not counts(ROLE_SERVER, LOW, HIGH, agent=True, protocol=protocol, port=port)


@pytest.mark.parametrize("role", [ROLE_CLIENT, ROLE_SERVER, ROLE_UNKNOWN])
@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_the_only_view_counts(role: int, protocol: int) -> None:
    assert counts(role, HIGH, LOW, agent=False, protocol=protocol, port=50_000)
    assert counts(role, LOW, HIGH, agent=False, protocol=protocol, port=50_000)


@pytest.mark.parametrize("agent", [True, False])
def test_both_ends_on_one_address_are_counted_at_the_client(agent: bool) -> None:
    assert counts(ROLE_CLIENT, LOW, LOW, agent=agent)
    assert not counts(ROLE_SERVER, LOW, LOW, agent=agent)
    assert counts(ROLE_UNKNOWN, LOW, LOW, agent=agent)
