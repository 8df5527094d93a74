"""Scans: a client whose first contacts fail. Threshold random walk (Jung, Paxson, Berger, Balakrishnan: Fast Portscan Detection Using
Sequential Hypothesis Testing, IEEE S&P 2004), with the paper's parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from schemas.records.finding import Sighting
from sinks.queries.spans import Span
from streams.insights.security.lives import NODE, Lives, is_expected
from streams.insights.security.sighted import Contact, Seen, first_of, key_of, sighting

THETA_0, THETA_1 = 0.8, 0.2
"""How often a first contact succeeds: of a client that means well, and of one that scans."""
DETECTION, FALSE_ALARM = 0.99, 0.01
ETA_1, ETA_0 = DETECTION / FALSE_ALARM, (1 - DETECTION) / (1 - FALSE_ALARM)
SUCCESS, FAILURE = THETA_1 / THETA_0, (1 - THETA_1) / (1 - THETA_0)
LOOK_BACK_S = 3_600
FEWEST, FEWEST_EXPECTED = 5, 20
"""So many targets have to fail; the second of a node, and of a client that is new or was just changed: it may wait for what is not up."""
CRITICAL = 20

Target = tuple[str, int]


def scans(contacts: Iterable[Contact], lives: Lives, step: Span) -> tuple[Sighting, ...]:
    """`contacts`: first contacts of LOOK_BACK_S up to the step's end, of clients that failed in the step. One sighting a client.

    A target is a named server or an external end, and a port: replicas of one server that is down are one.
    """
    by_client = sorted(contacts, key=lambda one: (one.network, one.client))
    found = (_scan(list(each), lives, step) for _, each in groupby(by_client, key=lambda one: (one.network, one.client)))
    return tuple(one for one in found if one)


def _scan(contacts: Sequence[Contact], lives: Lives, step: Span) -> Sighting | None:
    targets = _targets(contacts)
    failed = {target: at_s for target, (at_s, succeeded) in targets.items() if not succeeded}
    network, client = contacts[0].network, contacts[0].client
    careful = client.startswith(NODE) or is_expected(lives, network, client, step.end_s)
    if len(failed) < (FEWEST_EXPECTED if careful else FEWEST) or max(failed.values()) < step.start_s:
        return None
    if likelihood(list(targets.values())) < ETA_1:
        return None
    ends, ports = {end for end, _ in failed}, {port for _, port in failed}
    sentence = f"{client} tried {len(failed)} targets ({len(ends)} ends, {len(ports)} ports) for the first time, and none answered."
    evidence = {
        "targets": len(failed), "succeeded": len(targets) - len(failed), "ends": len(ends), "ports": len(ports),
        "some_ends": first_of(list(ends)), "some_ports": sorted(ports)[:10],
    }  # fmt: skip
    seen = Seen(min(failed.values()), step.end_s, len(failed))
    return sighting(key_of("scan", network, client), "critical" if len(failed) >= CRITICAL else "warning", seen, sentence, evidence)


def _targets(contacts: Sequence[Contact]) -> dict[Target, tuple[int, bool]]:
    """Of each target when it was first tried, and whether it ever answered."""
    found: dict[Target, tuple[int, bool]] = {}
    for one in contacts:
        target = (one.end, one.service_port)
        at_s, succeeded = found.get(target, (one.at_s, False))
        found[target] = (min(at_s, one.at_s), succeeded or one.opened > 0)
    return found


def likelihood(outcomes: Sequence[tuple[int, bool]]) -> float:
    """The walk's highest ratio, at least so high: of what is in one window, whose order is not known, successes are taken first.

    It does not fall below ETA_0: a past of successes is no licence.
    """
    ratio = highest = 1.0
    for _, succeeded in sorted(outcomes, key=lambda outcome: (outcome[0], not outcome[1])):
        ratio = min(1e9, max(ETA_0, ratio * (SUCCESS if succeeded else FAILURE)))
        highest = max(highest, ratio)
    return highest
