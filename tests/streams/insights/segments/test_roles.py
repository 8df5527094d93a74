"""Roles of a fleet whose truth is known, and of the few edges that a person can check."""

from __future__ import annotations

import numpy as np
import pytest

from streams.insights.segments.confidence import confidence
from streams.insights.segments.features import Contacts
from streams.insights.segments.roles import roles_of
from tests.simulator.answers import segments as simulated
from tests.simulator.answers.segments_judged import adjusted_rand, held_out, roles_found
from tests.streams.insights.segments.support import edge

SHOP = [
    *(edge(f"shop/web-{at}", "shop/api", 8080) for at in range(4)),
    edge("shop/api", "shop/db", 5432),
    edge("shop/api", "", 443, domain="cards.example", reason="external"),
    *(edge("node/n1", f"shop/web-{at}", 80) for at in range(4)),
    *(edge(f"shop/web-{at}", "partner", 443) for at in range(4)),
]


def test_a_fleet_s_roles_are_found_clean_and_noisy() -> None:
    truth = simulated.fleet(4)
    assert roles_found(truth) >= 0.9
    assert roles_found(simulated.noisy(truth, 4)) >= 0.75


def test_a_later_week_is_let_through_and_moves_between_roles_are_not() -> None:
    found = held_out(4, exact=False)
    assert found.connections <= 0.001 and found.lateral >= 0.99


def test_workloads_that_talk_to_the_same_others_have_one_role() -> None:
    roles = roles_of(SHOP, {"partner"})
    assert [(role.label, role.members) for role in roles] == [
        ("shop/api", ("shop/api",)),
        ("shop/db", ("shop/db",)),
        ("shop/web*", tuple(f"shop/web-{at}" for at in range(4))),
    ]
    assert all(role.sure for role in roles)


def test_nodes_ranges_and_what_is_outside_have_no_roles() -> None:
    members = {member for role in roles_of(SHOP, {"partner"}) for member in role.members}
    assert members == {"shop/api", "shop/db", *(f"shop/web-{at}" for at in range(4))}


def test_the_order_of_edges_does_not_matter() -> None:
    assert roles_of(SHOP, ()) == roles_of(SHOP[::-1], ())


def test_nothing_seen_gives_no_roles() -> None:
    assert roles_of([], ()) == ()


def test_a_workload_that_fits_elsewhere_without_some_of_its_contacts_is_unsure() -> None:
    """Two groups of six by the servers they call; the last one calls two of the one and three of the other."""
    groups = np.array([0] * 6 + [1] * 6 + [0] + [*range(2, 8)])
    client = [at for at in range(12) for _ in range(3)] + [12] * 5
    server = [13 + (at // 6) * 3 + one for at in range(12) for one in range(3)] + [13, 14, 16, 17, 18]
    contacts = Contacts(13, 19, np.array(client), np.array(server), np.zeros(len(client), np.int64))
    sure = confidence(contacts, groups[:13])
    assert sure[:12].min() >= 0.7 > sure[12]


@pytest.mark.parametrize(("other", "expected"), [([0, 0, 1, 1], 1.0), ([1, 1, 0, 0], 1.0), ([0, 1, 0, 1], -0.5)])
def test_the_adjusted_rand_index_is_that_of_the_paper(other: list[int], expected: float) -> None:
    assert adjusted_rand(np.array([0, 0, 1, 1]), np.array(other)) == pytest.approx(expected)
