"""Every byte is counted once, from whichever side it was seen."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.records.flow_batch import ROLE_CLIENT, ROLE_SERVER, ROLE_UNKNOWN
from streams.attribution.canonical import canonical
from tests.streams.support import address

LOW, HIGH, V6 = address(1), address(200), address(1, v6=True)


def counts(role: int, local: bytes, remote: bytes, *, agent: bool) -> bool:
    ips = (np.frombuffer(ip, np.uint8).reshape(1, 16) for ip in (local, remote))
    return bool(canonical(np.array([role], np.uint8), *ips, np.array([agent]))[0])


@pytest.mark.parametrize(("one", "other"), [(LOW, HIGH), (HIGH, LOW), (LOW, V6), (V6, address(2, v6=True))])
@pytest.mark.parametrize("roles", [(ROLE_CLIENT, ROLE_SERVER), (ROLE_SERVER, ROLE_CLIENT), (ROLE_UNKNOWN, ROLE_UNKNOWN)])
def test_of_two_views_one_counts(one: bytes, other: bytes, roles: tuple[int, int]) -> None:
    assert counts(roles[0], one, other, agent=True) + counts(roles[1], other, one, agent=True) == 1


@pytest.mark.parametrize("role", [ROLE_CLIENT, ROLE_SERVER, ROLE_UNKNOWN])
def test_the_only_view_counts(role: int) -> None:
    assert counts(role, HIGH, LOW, agent=False)
    assert counts(role, LOW, HIGH, agent=False)


@pytest.mark.parametrize("agent", [True, False])
def test_both_ends_on_one_address_are_counted_at_the_client(agent: bool) -> None:
    assert counts(ROLE_CLIENT, LOW, LOW, agent=agent)
    assert not counts(ROLE_SERVER, LOW, LOW, agent=agent)
    assert counts(ROLE_UNKNOWN, LOW, LOW, agent=agent)
