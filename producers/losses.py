"""Losses that the agent itself knows of, as they travel with the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.records.flow_batch import Loss

CARRIED_LIMIT = 400
_HOUR_US = 3_600_000_000

Account = Mapping[str, tuple[int, int]]


class Total(NamedTuple):
    flows: int = 0
    packets: int = 0
    bytes: int = 0


class Tally:
    """Cumulative losses by reason since the process began, for metrics. Noted by one thread, read by others."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self._totals = dict.fromkeys(reasons, Total())

    def note(self, losses: Iterable[Loss]) -> None:
        for loss in losses:
            known = self._totals.get(loss.reason, Total())
            self._totals[loss.reason] = Total(known.flows + loss.flows, known.packets + loss.packets, known.bytes + loss.bytes)

    def totals(self) -> dict[str, Total]:
        return self._totals.copy()


def since(before: Account, now: Account, window_start_us: int) -> tuple[Loss, ...]:
    """What the kernel side lost between two of its accounts (reason to packets and bytes, only ever rising)."""
    found = []
    for reason, (packets, size) in sorted(now.items()):
        known_packets, known_size = before.get(reason, (0, 0))
        if packets > known_packets or size > known_size:
            found.append(Loss(window_start_us, "agent", reason, 0, packets - known_packets, size - known_size))
    return tuple(found)


def merged(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """The same sums in a bounded number of losses, for losses that have never been sent.

    Beyond the limit they are merged by the hour, and beyond it again regardless of time; the oldest window
    and the lowest id of those that merge stand for all of them.
    """
    distinct = tuple(dict.fromkeys(losses))
    if len(distinct) > CARRIED_LIMIT:
        distinct = _grouped(distinct, _HOUR_US)
    if len(distinct) > CARRIED_LIMIT:
        distinct = _grouped(distinct, 1 << 62)
    return distinct


def _grouped(losses: Iterable[Loss], span_us: int) -> tuple[Loss, ...]:
    groups: dict[tuple[str, str, int], Loss] = {}
    for loss in losses:
        key = (loss.stage, loss.reason, loss.window_start_us // span_us)
        groups[key] = _sum(groups[key], loss) if key in groups else loss
    return tuple(groups.values())


def _sum(one: Loss, other: Loss) -> Loss:
    return Loss(
        min(one.window_start_us, other.window_start_us),
        one.stage,
        one.reason,
        one.flows + other.flows,
        one.packets + other.packets,
        one.bytes + other.bytes,
        min(one.id, other.id),
    )
