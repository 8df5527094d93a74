# ruff: noqa: S608 (texts are quoted, everything else is a number or a name of weir's own)
"""Taking a span of time out of the tables, so that workers make it anew from Kafka; and the account of when that was done.

Rows go by mutation, not with their partition: ClickHouse forgets no token by it, so that a block that some suspended worker
still has on its way stays recognisable. What is made anew goes in under tokens of its own (`BlockIdentity.edition`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from schemas.errors import Unavailable
from schemas.failpoints import reach
from sinks.engines.base import DATABASE, Engine
from sinks.engines.quoting import quoted
from sinks.exactly_once.insert_settings import A_SET
from sinks.rollups import ROLLUPS, edges_from

State = Literal["begun", "done", "withdrawn"]
_SECOND_US = 1_000_000
_READ_FROM = ("flows", "losses", "batches")
"""Tables whose rows say which message they came from."""

_SCHEMA = pa.schema(
    [
        ("number", pa.uint64()),
        ("state", pa.string()),
        ("span_start", pa.timestamp("us", tz="UTC")),
        ("span_end", pa.timestamp("us", tz="UTC")),
        ("topic", pa.string()),
        ("topic_id", pa.string()),
        ("partition", pa.uint32()),
        ("first_offset", pa.uint64()),
        ("until_offset", pa.uint64()),
    ]
)


@dataclass(frozen=True)
class Rewound:
    """A partition that is read again from `first_offset` on. What stands before `until_offset` has been published downstream."""

    topic: str
    topic_id: str
    partition: int
    first_offset: int
    until_offset: int


@dataclass(frozen=True)
class Recomputation:
    """Windows that begin from `start_us` on and before `end_us`: whole hours, which every rollup can be cut at."""

    number: int
    start_us: int
    end_us: int
    places: tuple[Rewound, ...]


@dataclass(frozen=True)
class Edition:
    """What a worker must know before it applies a partition: the newest recomputation, and up to where to publish nothing again."""

    number: int = 0
    published_to: int = 0


@dataclass(frozen=True)
class Origin:
    """A partition that rows of a span came from: its first message, the last one that brought rows of any time, and the rows."""

    topic: str
    partition: int
    first_offset: int
    last_offset: int
    flows: int
    losses: int


def edition(engine: Engine, topic: str, topic_id: str, partition: int) -> Edition:
    """Raises Unavailable while a recomputation is under way: nobody may look at what has been applied before it is over."""
    told = _read(engine)
    if unfinished := _unfinished(told):
        raise Unavailable(f"recomputation {unfinished} is under way; if it was interrupted, run `weir recompute` again")
    done = [row for row in told if row["state"] == "done"]
    place = (topic, topic_id, partition)
    mine = [row["until_offset"] for row in done if (row["topic"], row["topic_id"], row["partition"]) == place]
    return Edition(max((row["number"] for row in done), default=0), max(mine, default=0))


def interrupted(engine: Engine) -> Recomputation | None:
    """The one that was begun and neither done nor withdrawn."""
    told = _read(engine)
    number = _unfinished(told)
    rows = [row for row in told if row["number"] == number]
    if not rows:
        return None
    places = tuple(Rewound(r["topic"], r["topic_id"], r["partition"], r["first_offset"], r["until_offset"]) for r in rows)
    return Recomputation(number, rows[0]["start_s"] * _SECOND_US, rows[0]["end_s"] * _SECOND_US, places)


def next_number(engine: Engine) -> int:
    return max((row["number"] for row in _read(engine)), default=0) + 1


def note(engine: Engine, what: Recomputation, state: State) -> None:
    rows = [
        {
            "number": what.number,
            "state": state,
            "span_start": what.start_us,
            "span_end": what.end_us,
            "topic": place.topic,
            "topic_id": place.topic_id,
            "partition": place.partition,
            "first_offset": place.first_offset,
            "until_offset": place.until_offset,
        }
        for place in what.places
    ]
    engine.insert(f"{DATABASE}.recomputations", pa.Table.from_pylist(rows, schema=_SCHEMA), A_SET)


def origins(engine: Engine, start_us: int, end_us: int) -> list[Origin]:
    """Where the rows of the span came from."""
    within = _within(start_us, end_us)
    rows = " UNION ALL ".join(
        f"SELECT toString(topic) AS topic, `partition`, minIf(first_offset, {within}) AS first, max(first_offset) AS last, "
        f"countIf({within}) AS rows, '{table}' AS source FROM weir.{table} GROUP BY topic, `partition`"
        for table in _READ_FROM
    )
    found = engine.query(
        "SELECT topic, `partition`, minIf(first, rows > 0) AS first_offset, max(last) AS last_offset, "
        f"sumIf(rows, source = 'flows') AS flows, sumIf(rows, source = 'losses') AS losses FROM ({rows}) "
        "GROUP BY topic, `partition` HAVING sum(rows) > 0 ORDER BY topic, `partition`"
    )
    return [Origin(**row) for row in found.to_pylist()]


def newest_before(engine: Engine, topic: str, partition: int, offset: int) -> int:
    """The newest window that messages before the offset brought rows of."""
    of = f"topic = {quoted(topic)} AND `partition` = {int(partition)} AND first_offset < {int(offset)}"
    rows = " UNION ALL ".join(f"SELECT max(toInt64(toUnixTimestamp(window_start))) AS s FROM weir.{t} WHERE {of}" for t in _READ_FROM)
    return int(engine.query(f"SELECT max(s) AS s FROM ({rows})").column("s")[0].as_py()) * _SECOND_US


def nodes(engine: Engine, origin: Origin) -> set[str]:
    """Whose message the first one was, as the rows that it brought say."""
    of = f"topic = {quoted(origin.topic)} AND `partition` = {origin.partition} AND first_offset = {origin.first_offset}"
    rows = " UNION ALL ".join(f"SELECT toString(node_id) AS node FROM weir.{table} WHERE {of}" for table in _READ_FROM)
    return set(engine.query(f"SELECT DISTINCT node FROM ({rows})").column("node").to_pylist())


def beyond_horizon(engine: Engine, places: Sequence[Rewound], dedup_us: int) -> int:
    """Flows of messages that would be read again, but are too old for a worker to know whether they have been counted."""
    newest = "SELECT node_id, max(toInt64(toUnixTimestamp(window_start))) AS newest FROM weir.flows GROUP BY node_id"
    found = engine.query(
        f"SELECT count() AS n FROM weir.flows AS t INNER JOIN ({newest}) AS n ON t.node_id = n.node_id "
        f"WHERE ({_read_again(places)}) AND toInt64(toUnixTimestamp(t.window_start)) < n.newest - {dedup_us // _SECOND_US}"
    )
    return int(found.column("n")[0].as_py())


def remove(engine: Engine, what: Recomputation) -> None:
    """All rows of the span, and all losses of the messages that are read again. Returns when they are gone; may be repeated.

    Losses of what Kafka itself dropped stay: nothing tells of them again.
    """
    within = _within(what.start_us, what.end_us)
    by_hours, (by_days,) = ROLLUPS[:-1], ROLLUPS[-1:]
    conditions = dict.fromkeys((*(rollup.name for rollup in by_hours), "batches", "flows"), within)
    conditions["losses"] = f"stage != 'kafka' AND (({within}) OR {_read_again(what.places)})"
    # A day is no whole number of such spans: it is made anew from the hours that stay.
    days = f"toDate(window_start) BETWEEN {_date(what.start_us)} AND {_date(what.end_us - 1)}"
    settings = ", ".join(f"{name} = {value}" for name, value in A_SET.items())
    anew = f"{edges_from(by_days, days)} SETTINGS {settings}"
    for statement in (*(_deletion(*where) for where in conditions.items()), _deletion(by_days.name, days), anew):
        engine.execute(statement)
        reach("recompute.removing")


def _deletion(table: str, condition: str) -> str:
    return f"ALTER TABLE {DATABASE}.{table} DELETE WHERE {condition} SETTINGS mutations_sync = 2"


def _read(engine: Engine) -> list[dict[str, Any]]:
    found = engine.query(
        "SELECT number, state, toInt64(toUnixTimestamp(span_start)) AS start_s, toInt64(toUnixTimestamp(span_end)) AS end_s, "
        f"toString(topic) AS topic, topic_id, `partition`, first_offset, until_offset FROM {DATABASE}.recomputations"
    )
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _unfinished(told: Sequence[dict[str, Any]]) -> int:
    """0: none is."""
    over = {row["number"] for row in told if row["state"] != "begun"}
    return max((row["number"] for row in told if row["number"] not in over), default=0)


def _within(start_us: int, end_us: int) -> str:
    return f"toUnixTimestamp(window_start) >= {start_us // _SECOND_US} AND toUnixTimestamp(window_start) < {end_us // _SECOND_US}"


def _date(instant_us: int) -> str:
    return f"toDate(toDateTime({instant_us // _SECOND_US}, 'UTC'))"


def _read_again(places: Iterable[Rewound]) -> str:
    return " OR ".join(
        f"(topic = {quoted(place.topic)} AND `partition` = {place.partition} AND first_offset >= {place.first_offset})" for place in places
    )
