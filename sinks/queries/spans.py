"""Which tables a span of time is read from, so that its sums are exact: coarse ones for whole units inside, finer ones for the ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import WeirError
from schemas.instants import format_instant


@dataclass(frozen=True)
class Span:
    """UTC seconds since 1970, half open."""

    start_s: int
    end_s: int

    @property
    def seconds(self) -> int:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Level:
    """A table whose rows begin at multiples of `unit_s` seconds."""

    table: str
    unit_s: int


@dataclass(frozen=True)
class Piece:
    table: str
    span: Span


@dataclass(frozen=True)
class Plan:
    """`span`: what is answered, wider than what was asked where a table does not go back far enough; `warnings` say so."""

    pieces: tuple[Piece, ...]
    span: Span
    warnings: tuple[str, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """Each once, in the order of their pieces' times."""
        return tuple(dict.fromkeys(piece.table for piece in self.pieces))


EDGES = (Level("edges_1d", 86_400), Level("edges_1h", 3_600), Level("edges_5m", 300), Level("flows_1m", 60), Level("flows", 1))
ROLLUPS = (Level("flows_1h", 3_600), Level("flows_5m", 300), Level("flows_1m", 60), Level("flows", 1))
FLOWS = (Level("flows", 1),)

Oldest = Mapping[str, int]
"""Table -> the start of its oldest row, in UTC seconds. An empty table is absent."""


def plan(span: Span, levels: tuple[Level, ...], oldest: Oldest, step_s: int | None = None) -> Plan:
    """Pieces in the order of time, that touch and do not overlap. No row of them begins in one step of `step_s` and ends in another.

    Raises WeirError where no table that can answer has anything of the span, and another has.
    """
    usable = tuple(level for level in levels if step_s is None or step_s % level.unit_s == 0)
    kept, cut = _kept(span, usable, oldest)
    start, end = _reach(kept.start_s, usable, oldest), _reach(kept.end_s, usable, oldest)
    wide = Span(_down(kept.start_s, start.unit_s), -_down(-kept.end_s, end.unit_s))
    warnings = tuple(
        f"{level.table} is the finest table that goes back to {_instant(at)}: the answer {verb} {_instant(to)}."
        for level, at, to, verb in ((start, kept.start_s, wide.start_s, "begins at"), (end, kept.end_s, wide.end_s, "ends at"))
        if at != to
    )
    return Plan(tuple(_pieces(wide, usable)), wide, (*cut, *warnings))


def _kept(span: Span, usable: tuple[Level, ...], oldest: Oldest) -> tuple[Span, tuple[str, ...]]:
    """The span as far as the usable tables go back, and what is to be said of the rest. All tables go back as far where nothing is gone."""
    known = [oldest[level.table] for level in usable if level.table in oldest]
    begins = min(known, default=None)
    others = [level for level in (*ROLLUPS, *EDGES) if level not in usable and _has_older(level, begins, oldest)]
    if not others or begins is not None and span.start_s >= begins:
        return span, ()
    names = " and ".join(level.table for level in usable)
    back = "nothing of which is kept" if begins is None else f"kept since {_instant(begins)}"
    what = f"This is known from {names} alone, {back}"
    way_out = "ask for sums without addresses and reporters, or in larger steps, for what was before"
    if begins is None or span.end_s <= begins:
        raise WeirError(f"{what}: {way_out}.")
    return Span(begins, span.end_s), (f"{what}: the answer begins there; {way_out}.",)


def _pieces(span: Span, levels: tuple[Level, ...]) -> list[Piece]:
    if span.seconds <= 0:
        return []
    level, finer = levels[0], levels[1:]
    if not finer:
        return [Piece(level.table, span)]
    low, high = -_down(-span.start_s, level.unit_s), _down(span.end_s, level.unit_s)
    if low >= high:
        return _pieces(span, finer)
    inner = [Piece(level.table, Span(low, high))]
    return [*_pieces(Span(span.start_s, low), finer), *inner, *_pieces(Span(high, span.end_s), finer)]


def _reach(instant_s: int, levels: tuple[Level, ...], oldest: Oldest) -> Level:
    """The finest table that lacks nothing, around an instant, that a coarser one has."""
    for at in range(len(levels) - 1, 0, -1):
        level, coarser = levels[at], levels[:at]
        begins = oldest.get(level.table)
        if instant_s % levels[at - 1].unit_s == 0:
            continue  # no finer row is needed here
        if begins is None or instant_s < begins:
            if any(_has_older(one, begins, oldest) for one in coarser):
                continue
        return level
    return levels[0]


def _has_older(level: Level, begins: int | None, oldest: Oldest) -> bool:
    """Whether a table has a row from before the row that a finer table's first row is a part of."""
    own = oldest.get(level.table)
    return own is not None and (begins is None or own < _down(begins, level.unit_s))


def _down(instant_s: int, unit_s: int) -> int:
    return instant_s // unit_s * unit_s


def _instant(instant_s: int) -> str:
    return format_instant(instant_s * 1_000_000)
