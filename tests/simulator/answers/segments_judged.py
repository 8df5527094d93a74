"""How well roles and policies fit a fleet whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streams.insights.segments.always import Always
from streams.insights.segments.build import build
from streams.insights.segments.cut import calls_of, cut
from streams.insights.segments.features import Ints
from streams.insights.segments.grants import grants_of, learned
from streams.insights.segments.identities import Identity, identities
from streams.insights.segments.policy import Policy
from streams.insights.segments.roles import roles_of
from streams.insights.segments.seen import edges_of
from tests.simulator.answers import segments as simulated
from tests.simulator.answers.segments import Fleet, Links


def adjusted_rand(one: Ints, other: Ints) -> float:
    """Hubert and Arabie (1985): 1 for the same partition, 0 for what chance gives."""
    table = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(table, (one, other), 1)
    together, rows, columns, pairs = (
        float((counts * (counts - 1) / 2).sum()) for counts in (table, table.sum(axis=1), table.sum(axis=0), np.array([table.sum()]))
    )
    expected = rows * columns / pairs
    return 1.0 if rows == columns == expected else (together - expected) / ((rows + columns) / 2 - expected)


def roles_found(fleet: Fleet) -> float:
    """Adjusted Rand index of the roles that are found from all links, each seen often; the name server and the scraper are not counted."""
    rows = simulated.week(fleet, fleet.links, 0, 0)
    often = rows.set_column(rows.schema.get_field_index("connections"), "connections", [[1_000] * rows.num_rows])
    found = np.zeros(len(fleet), np.int64)
    number = {name: at for at, name in enumerate(fleet.names)}
    roles = roles_of(learned(edges_of(often)), ())
    for at, role in enumerate(roles, 1):
        found[[number[member] for member in role.members]] = at
    counted = fleet.role < simulated.ROLES
    return adjusted_rand(found[counted], fleet.role[counted])


@dataclass(frozen=True)
class Held:
    """Shares of what policies cut of a week that they were not learned from: of connections and edges of true flows, and of moves."""

    connections: float
    edges: float
    lateral: float
    within: float


def held_out(seed: int, exact: bool) -> Held:
    """Learned from a week with strays and missing edges; put to the next, in which all true edges are used."""
    truth = simulated.fleet(seed)
    policies, own = _policies(truth, seed, exact)

    def share(links: Links, of: str) -> float:
        rows = simulated.week(truth, links, seed, 1)
        calls = calls_of(edges_of(rows), ())
        lost = cut(calls, policies, own, {})
        return sum(getattr(one, of, 1) for one in lost) / sum(getattr(one, of, 1) for one in calls)

    moves = (simulated.lateral_moves(truth, seed), simulated.within_roles(truth, seed))
    return Held(share(truth.links, "connections"), share(truth.links, "each"), *(share(one, "each") for one in moves))


def _policies(truth: Fleet, seed: int, exact: bool) -> tuple[tuple[Policy, ...], dict[str, Identity]]:
    seen = learned(edges_of(simulated.week(truth, simulated.noisy(truth, seed).links, seed, 0)))
    roles = roles_of(seen, ())
    own = identities(simulated.labelled(truth), {})
    built = build(grants_of(seen, roles, exact), truth.names, "kubernetes", own, {}, {}, Always())
    return built.policies, own
