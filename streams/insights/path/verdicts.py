"""Which word fits a path. `judge` looks at what was counted, and at where nothing could be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streams.insights.failing import SHARE
from streams.insights.path.attempts import Attempts, attempts
from streams.insights.path.bounds import Share, still_silent, wilson
from streams.insights.path.coverage import Hole, Stretch

Word = Literal["works", "failing", "flaky", "broke", "no_attempts", "established", "unknown", "pending"]
OK: dict[Word, bool] = {"works": True, "established": True, "failing": False, "flaky": False, "broke": False}
"""Whether the client reaches the server. The other words leave it open."""

CHANCE = 0.001
"""What is less likely than this is not taken for chance."""
USUAL_TRIES = 10
"""Fewer attempts make no usual rate."""


@dataclass(frozen=True)
class Watched:
    """`span`: what is answered. `nameless`: rows of the client, to ends without a name, that may have been this server's.

    `hides`: a filter may leave out rows of this path. `server_watched`: the server's nodes told of the whole span.
    """

    span: Stretch
    holes: tuple[Hole, ...] = ()
    nameless: int = 0
    hides: bool = False
    server_watched: bool = False

    @property
    def sees_all(self) -> bool:
        return not self.holes and not self.nameless and not self.hides and self.span.end_s > self.span.start_s


@dataclass(frozen=True)
class Verdict:
    """`seen`: of the whole span; `now`: of it what lies behind the last hole of the node that tells it. `server_saw`: the server's side,
    where it broke only of since then.

    `stopped_since_us`: an attempt would have been likely since then, and there was none.
    """

    word: Word
    seen: Attempts
    now: Attempts
    server_saw: Attempts
    watched: Watched
    stopped_since_us: int | None = None

    @property
    def ok(self) -> bool | None:
        return OK.get(self.word)

    @property
    def share(self) -> Share | None:
        """Of attempts that succeed, at 95 %."""
        return wilson(self.seen.opened, self.seen.tried) if self.seen.tried else None


def judge(is_tcp: bool, rows: pa.Table, watched: Watched) -> Verdict:
    """`rows`: as `attempts` takes them, of both sides: `role` is server for those of the server's.

    What is decided rests on rows behind the last hole of their node: what an agent that is down, or loses counts, does not tell is not
    guessed from what it told before.
    """
    is_server = pc.equal(rows["role"], "server")
    client, server = rows.filter(pc.invert(is_server)), rows.filter(is_server)
    seen, now = attempts(client), attempts(client.filter(_behind_holes(client, watched.holes)))
    word = _word(is_tcp, seen, now, watched)
    if word == "broke":
        server = server.filter(pc.greater(pc.multiply(server["start"], 1_000_000), seen.last_success_us))
    return Verdict(word, seen, now, attempts(server), watched, _stopped(seen, watched) if word == "works" else None)


def _behind_holes(rows: pa.Table, holes: Iterable[Hole]) -> pa.Array:
    last: dict[str, int] = {}
    for hole in holes:
        if hole.why != "absent":
            last[hole.node] = max(last.get(hole.node, 0), hole.end_s)
    everywhere = last.get("", 0)
    since = [max(everywhere, last.get(node, 0)) for node in rows["node"].to_pylist()]
    return pa.array(np.asarray(rows["start"].to_numpy(), np.int64) >= np.array(since, np.int64))


def _word(is_tcp: bool, seen: Attempts, now: Attempts, watched: Watched) -> Word:
    if not seen.packets_sent and not seen.tried and not seen.answered:
        return "no_attempts" if watched.sees_all else "unknown"
    if not is_tcp:
        return "works" if now.answered and now.packets_sent else "unknown"
    if now.tried:
        return _of_tries(seen, now)
    if now.unanswered_since_us is not None:
        return "pending"
    return "established" if now.answered and now.packets_sent else "unknown"


def _of_tries(seen: Attempts, now: Attempts) -> Word:
    if not seen.opened:
        return "failing"
    if seen.failed_after and _broke(seen):
        return "broke"
    if not now.opened or seen.failed and not _recovered(seen) and seen.failed >= SHARE * seen.tried:
        return "flaky"
    return "works" if now.unanswered_since_us is None else "pending"


def _broke(seen: Attempts) -> bool:
    """No success since the first failure; or failures now that those of before do not make likely."""
    if seen.failed_before:
        return _likely(seen.failed_after, seen.failed_before, seen.opened) < CHANCE
    if not seen.failed_beside:
        return True
    failed = seen.failed_beside + seen.failed_after
    return 1 / comb(seen.opened + failed, failed) < CHANCE  # that chance puts all failures behind all successes


def _recovered(seen: Attempts) -> bool:
    """Successes now that those of before do not make likely."""
    return seen.opened_after > 0 and _likely(seen.opened_after, seen.opened_before, seen.failed) < CHANCE


def _likely(run: int, same: int, other: int) -> float:
    """How likely a run is at the largest share that `same` of `same + other` before it leave likely."""
    found: float = wilson(same, same + other).high ** run
    return found


def _stopped(seen: Attempts, watched: Watched) -> int | None:
    """Where attempts at their usual rate would hardly have paused for so long."""
    last_us, start_us, end_us = seen.last_us, watched.span.start_s * 1_000_000, watched.span.end_s * 1_000_000
    if last_us is None or seen.tried < USUAL_TRIES or watched.holes or not start_us < last_us < end_us:
        return None
    per_second = seen.tried / ((last_us - start_us) / 1e6)
    return last_us if still_silent(per_second, (end_us - last_us) / 1e6) < CHANCE else None
