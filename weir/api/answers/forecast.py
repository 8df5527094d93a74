"""`/forecast`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sinks.filter.parse import parse
from sinks.filter.tree import Node, both
from sinks.queries.hourly import HOUR_S
from weir.answers.forecast import DEFAULT_BY, DEFAULT_HORIZON, Forecast, ForecastQuestion, forecast, read_horizon, read_metric, read_shown
from weir.answers.limits import PERIODS_S, Limit, read_limit
from weir.api.answers.answer import Answer
from weir.api.models import Shape, Table
from weir.api.parameters import Documents, Ranged
from weir.api.problems import bad_parameter
from weir.api.questions import Document, Recorded, instant, said_of
from weir.api.tables import Tables
from weir.query_options import DIMENSION_LIMIT, dimensions

Values = list[Any]


class ForecastParameters(Ranged, Documents):
    from_: str = Field("", alias="from", max_length=64, description="from when history is shown; empty: two weeks before the end")
    to: str = Field("now", max_length=64, description="where history ends: the forecast begins there, from the eight weeks before")
    by: str = Field(DEFAULT_BY, max_length=400, description=f"up to {DIMENSION_LIMIT} dimensions, by comma; empty: the whole")
    metric: str = Field("bytes", max_length=64, description="a metric that adds up")
    horizon: str = Field(DEFAULT_HORIZON, max_length=16, description="how far ahead, up to 90d")
    limit: int = Field(10, ge=1, le=100, description="groups, the largest first; all others are one more")
    limit_value: str = Field("", max_length=40, description="a limit of each group: 1TB, 800Mbit, 2000; with quantity")
    quantity: str = Field("", max_length=40, description="of limit_value: day, hour, s, bytes/day, bit/s, bit/s max, connections_opened/s")


class ForecastData(Shape):
    series: Table = Field(description="time, the dimensions, other, kind (history or forecast), value, low80, high80, low95, high95")
    groups: Table = Field(
        description="the dimensions, other, model, season_h, mase, naive, trend_per_week, refused, note, days10 to days90"
    )


def answer(tables: Tables, scope: Node | None, asked: ForecastParameters) -> Document:
    span = read_shown(asked.from_, asked.to, tables.now_s())
    metric = read_metric(asked.metric)
    question = ForecastQuestion(
        span.end_s,
        dimensions(asked.by),
        metric,
        both(parse(asked.q), scope),
        read_horizon(asked.horizon),
        asked.limit,
        _limit(asked, metric),
    ).known_until(tables.completeness().until_s)
    ask = Recorded(tables.asker(question.learnt_from))
    found = forecast(ask, tables.oldest(), question)
    told = said_of(tables, found.plan, found.sql)
    data = {"series": _series(found, span.start_s), "groups": _groups(found)}
    return Document(data, {**told, "step": HOUR_S, "warnings": [*told["warnings"], *_warnings(found)]})


def _limit(asked: ForecastParameters, metric: str) -> Limit | None:
    if not asked.limit_value and not asked.quantity:
        return None
    if not asked.limit_value or not asked.quantity:
        raise bad_parameter("quantity", "limit_value and quantity belong together: limit_value=1TB and quantity=day.")
    between = "/" if asked.quantity.split(" ")[0] in PERIODS_S else " "
    return read_limit(f"{asked.limit_value}{between}{asked.quantity}", metric)


def _warnings(found: Forecast) -> Iterator[str]:
    if found.gaps:
        yield f"{found.gaps} hours are not known, as agents were silent or too much was lost: they are left out, not counted as nothing."


def _groups(found: Forecast) -> dict[str, Values]:
    outlook = found.outlook
    days = [one.days for one in found.crossings] or [(None, None, None)] * found.groups.num_rows
    each = {f"days{chance}": [one[at] for one in days] for at, chance in enumerate((10, 50, 90))}
    return {
        **{name: found.groups.column(name).to_pylist() for name in found.groups.column_names},
        "model": [way or None for way in outlook.way],
        "season_h": outlook.season_h.tolist(),
        "mase": _known(outlook.mase),
        "naive": outlook.naive.tolist(),
        "trend_per_week": _known(outlook.growth),
        "refused": [sentence or None for sentence in outlook.refused],
        "note": [found.note(group) or None for group in range(found.groups.num_rows)],
        **each,
        "days_refused": [one.refused or None for one in found.crossings] or [None] * found.groups.num_rows,
    }


def _series(found: Forecast, from_s: int) -> dict[str, Values]:
    """Group by group: the history from `from_s` on, then the forecast. A refused group has history alone."""
    skipped = min(max(0, from_s - found.start_s) // HOUR_S, found.history.shape[1])
    history, outlook = found.history[:, skipped:], found.outlook
    past = [instant(found.start_s + HOUR_S * at) for at in range(skipped, found.history.shape[1])]
    ahead = [instant(found.end_s + HOUR_S * at) for at in range(outlook.told.shape[1])]
    told = [not sentence for sentence in outlook.refused]
    lengths = [len(past) + len(ahead) * is_told for is_told in told]
    named = {name: _repeated(found.groups.column(name).to_pylist(), lengths) for name in found.groups.column_names}
    nothing = np.full(history.shape, np.nan)

    def values(first: NDArray[np.float64], then: NDArray[np.float64]) -> Values:
        return [value for at, is_told in enumerate(told) for part in (first[at], then[at])[: 1 + is_told] for value in _known(part)]

    return {
        "time": [one for is_told in told for one in (*past, *(ahead if is_told else ()))],
        **named,
        "kind": [one for is_told in told for one in (*["history"] * len(past), *["forecast"] * len(ahead) * is_told)],
        "value": values(history, outlook.told),
        **{name: values(nothing, one) for name, one in zip(("low80", "low95"), outlook.low, strict=True)},
        **{name: values(nothing, one) for name, one in zip(("high80", "high95"), outlook.high, strict=True)},
    }


def _repeated(values: Sequence[Any], lengths: Sequence[int]) -> Values:
    return [value for value, length in zip(values, lengths, strict=True) for _ in range(length)]


def _known(values: NDArray[np.float64]) -> Values:
    """To a thousandth; null where it is not known."""
    return [None if np.isnan(value) else round(value, 3) for value in values.tolist()]


ANSWER = Answer("/forecast", "How traffic goes on, and when a limit is reached", ForecastParameters, ForecastData, answer)
