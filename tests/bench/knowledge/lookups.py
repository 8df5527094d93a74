"""Look-ups whose answers are known: addresses of a fleet at instants of its windows, asked of a worker and held against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from schemas.arrays import I64
from streams.attribution.attribute import Endpoints, attribute
from streams.ownership.intervals import NOBODY as NO_NAME
from streams.ownership.map import OwnershipMap
from tests.bench.knowledge.fleet import NETWORK, NOBODY, SECOND_US, WINDOW_US, Fleet, address_bytes, service_name

_RECENT_WINDOWS = 3
_LONGEST_US = 2 * SECOND_US


@dataclass(frozen=True)
class Question:
    """Row i: an address, by its number, and a flow's first and last instant. `names`: the truth; empty: nobody held it throughout."""

    address: I64
    first_us: I64
    last_us: I64
    names: tuple[str, ...]
    calm: int
    """So many of the first rows are of addresses that did not change hands in the window."""

    def plain(self) -> dict[str, list[int]]:
        return {name: getattr(self, name).tolist() for name in ("address", "first_us", "last_us")}


@dataclass(frozen=True)
class Verdict:
    """Counts of look-ups. `nameless`: unattributed, where one workload held the address throughout; `calm_nameless`: of `calm` ones."""

    asked: int = 0
    wrong: int = 0
    held: int = 0
    nameless: int = 0
    calm: int = 0
    calm_nameless: int = 0

    def __add__(self, other: Self) -> Verdict:
        return Verdict(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def question(fleet: Fleet, rows: int, seed: int, recent: int = _RECENT_WINDOWS) -> Question:
    """Of the newest windows, at any instant. Half of the rows are of addresses that changed hands in the window, where there are any."""
    chance = np.random.default_rng([seed, fleet.windows])
    low = max(0, fleet.windows - recent)
    window = chance.integers(low, fleet.windows, rows)
    address = chance.integers(0, fleet.shape.addresses, rows)
    for number in range(low, fleet.windows):
        some = np.flatnonzero(fleet.changed[number])
        if len(some):
            mine = np.flatnonzero(window == number)[::2]
            address[mine] = chance.choice(some, len(mine))
    changed = np.array([fleet.changed[at][one] for at, one in zip(window.tolist(), address.tolist(), strict=True)], np.bool_)
    order = np.argsort(changed, kind="stable")
    window, address = window[order], address[order]
    first_us = fleet.start_us + window * WINDOW_US + chance.integers(0, WINDOW_US, rows)
    window_end_us = fleet.start_us + (window + 1) * WINDOW_US
    last_us = np.minimum(first_us + chance.integers(0, _LONGEST_US, rows), window_end_us - 1)
    truth = fleet.holders(address, window, first_us, last_us)
    names = tuple("" if number == NOBODY else service_name(number) for number in truth.tolist())
    return Question(address, first_us, last_us, names, int(rows - changed.sum()))


def answers(known: OwnershipMap, address: I64, first_us: I64, last_us: I64) -> list[str]:
    """The names that flows of that time would get from the map; empty where they would get none."""
    rows = len(address)
    ends = Endpoints(
        names=(NETWORK,),
        network=np.zeros(rows, np.uint32),
        ip=address_bytes(address),
        protocol=np.full(rows, 6, np.uint8),
        service_port=np.full(rows, 443, np.uint16),
        listening=np.zeros(rows, np.bool_),
        first_us=first_us,
        last_us=last_us,
    )
    texts = known.names.texts
    return ["" if number == NO_NAME else texts[number] for number in attribute(known, ends).owner.tolist()]


def verdict(asked: Question, answered: Sequence[str]) -> Verdict:
    pairs = list(zip(asked.names, answered, strict=True))
    nameless = [bool(truth) and not name for truth, name in pairs]
    return Verdict(
        asked=len(pairs),
        wrong=sum(bool(name) and name != truth for truth, name in pairs),
        held=sum(bool(truth) for truth, _ in pairs),
        nameless=sum(nameless),
        calm=asked.calm,
        calm_nameless=sum(nameless[: asked.calm]),
    )
