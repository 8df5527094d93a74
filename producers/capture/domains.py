"""Names of remote ends: what a flow's own cgroup had asked DNS for, by the time of the flow.

A name fits a flow if its answer came before the flow's last packet and was still good at its first one. A name that the flow had in the
window before goes on with it, however long a connection outlives the answer, as long as nothing else is asked for the address.
Two names for one flow are no name.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpf.probe import Asked, Drained, Lost
from producers.capture.aggregate import CONTESTED, RowDomains, agreed, groups
from schemas.records.flow_batch import ROLE_CLIENT

log = logging.getLogger("weir.agent")

REMEMBERED = 8_192
"""Names that go on from one window to the next at most; of more, the rest must be asked for again."""
SENTENCES = {
    "domains_full": "%d addresses of DNS answers had no room among the kernel's names: flows to them have no remote_domain.",
    "domains_unread": "%d DNS answers were too long to be read to their end: flows to what they named may have no remote_domain.",
}
_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_SIEVE_BITS = 18


@dataclass(frozen=True)
class _Memory:
    """Keys of three words (cgroup and address), and the name of each."""

    keys: NDArray[np.uint64]  # (n, 3)
    names: tuple[str, ...]


_NOTHING = _Memory(np.empty((0, 3), np.uint64), ())


class DomainNames:
    """Remembers one window. `lost`: what the kernel had lost before, and is not reported again."""

    def __init__(self, lost: Iterable[Lost] = ()) -> None:
        self._memory = _NOTHING
        self._lost = {entry.reason: entry.events for entry in lost}

    @property
    def remembered(self) -> int:
        """Names that go on into the next window."""
        return len(self._memory.names)

    def of_rows(self, drained: Drained, asked: Asked) -> RowDomains:
        """The names of a window's rows, one call a window."""
        memory, self._memory = self._memory, _NOTHING
        numbers, texts = np.zeros(len(drained), np.uint32), _Texts()
        known = np.concatenate([_words(asked.keys, "address"), memory.keys])
        rows = _candidates(drained.keys, known)
        if not len(rows):
            return RowDomains((), numbers)
        words = _words(drained.keys, "remote_ip")[rows]
        entry, kept = _positions(np.concatenate([known, words]), len(asked.keys), len(known))
        span = drained.values["first_ns"][rows], drained.values["last_ns"][rows]
        numbers[rows] = _decided(span, asked, memory, entry, kept, texts)
        self._memory = _remembered(words, numbers[rows], texts)
        return RowDomains(tuple(texts), numbers)

    def report(self, lost: Iterable[Lost]) -> None:
        """Warns of names that the kernel could not keep since the last time."""
        for entry in lost:
            new = entry.events - self._lost.get(entry.reason, 0)
            if new > 0 and entry.reason in SENTENCES:
                log.warning(SENTENCES[entry.reason], new)
            self._lost[entry.reason] = entry.events


class _Texts(dict[str, int]):
    """Numbers texts from 1 on."""

    def number(self, text: str) -> int:
        return self.setdefault(text, len(self) + 1)


def _words(keys: NDArray[Any], address: str) -> NDArray[np.uint64]:
    """(n, 3): cgroup and address of each row."""
    words = np.empty((len(keys), 3), np.uint64)
    words[:, 0] = keys["cgroup"]
    words[:, 1:] = np.ascontiguousarray(keys[address]).view(np.uint64).reshape(-1, 2)
    return words


def _candidates(keys: NDArray[Any], known: NDArray[np.uint64]) -> NDArray[np.intp]:
    """The clients' rows that may be known, by a sieve: most flows of a node are to ends that were not asked for."""
    if not len(known):
        return np.empty(0, np.intp)
    sieve = np.zeros(1 << _SIEVE_BITS, np.bool_)
    sieve[_hashed(known)] = True
    return np.flatnonzero(sieve[_hashed(_words(keys, "remote_ip"))] & (keys["role"] == ROLE_CLIENT))


def _hashed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = words * _FACTORS
    mixed = mixed[:, 0] ^ mixed[:, 1] ^ mixed[:, 2]
    hashed: NDArray[np.uint64] = (mixed * _FACTORS[0]) >> np.uint64(64 - _SIEVE_BITS)
    return hashed


def _positions(words: NDArray[np.uint64], entries: int, known: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each row behind the first `known`: which of the first `entries` has the same words, and which of the others; -1 for none."""
    order, starts = groups(words)
    group = np.empty(len(order), np.intp)
    group[order] = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
    entry_of, kept_of = np.full(len(starts), -1), np.full(len(starts), -1)
    entry_of[group[:entries]] = np.arange(entries)
    kept_of[group[entries:known]] = np.arange(known - entries)
    return entry_of[group[known:]], kept_of[group[known:]]


def _decided(
    span: tuple[NDArray[np.uint64], NDArray[np.uint64]],
    asked: Asked,
    memory: _Memory,
    entry: NDArray[np.intp],
    kept: NDArray[np.intp],
    texts: _Texts,
) -> NDArray[np.uint32]:
    """The number of each row's name, CONTESTED where two fit. `span`: first and last packet."""
    first, last = span
    found = entry >= 0
    asked_ns, expires_ns, contested_until_ns = (
        np.append(asked.values[name], np.uint64(0))[entry] for name in ("asked_ns", "expires_ns", "contested_until_ns")
    )
    asked_for = _numbers(entry, [_text(asked.values[i]) for i in _used(entry)], texts)
    had = _numbers(kept, [memory.names[i] for i in _used(kept)], texts)
    contested = found & (contested_until_ns > 0)
    meets = found & (asked_ns <= last) & (np.maximum(expires_ns, contested_until_ns) >= first)
    goes_on = (had > 0) & ~contested & (~found | (asked_for == had))
    numbers = np.where(meets, asked_for, np.where(goes_on, had, np.uint32(0)))
    numbers[contested & meets | (had > 0) & found & (asked_for != had)] = CONTESTED
    return numbers


def _used(positions: NDArray[np.intp]) -> NDArray[np.intp]:
    """The positions that occur, rising. (np.unique would do, and load all of numpy.ma for it.)"""
    return np.flatnonzero(np.bincount(positions + 1)[1:])


def _numbers(positions: NDArray[np.intp], used: list[str], texts: _Texts) -> NDArray[np.uint32]:
    """The number of the text at each position; 0 at -1. `used`: the texts of the positions that occur."""
    number_of = np.zeros(int(positions.max(initial=-1)) + 2, np.uint32)
    number_of[_used(positions)] = [texts.number(text) for text in used]
    numbers: NDArray[np.uint32] = np.where(positions >= 0, number_of[positions], np.uint32(0))
    return numbers


def _text(domain: np.void) -> str:
    return bytes(domain["name"][: domain["length"]]).decode("ascii")


def _remembered(words: NDArray[np.uint64], numbers: NDArray[np.uint32], texts: _Texts) -> _Memory:
    """What had one name in this window."""
    order, starts = groups(words)
    one = agreed(numbers[order], starts)
    named = np.flatnonzero(one)[:REMEMBERED]
    names = tuple(texts)
    return _Memory(words[order[starts[named]]], tuple(names[number - 1] for number in one[named].tolist()))
