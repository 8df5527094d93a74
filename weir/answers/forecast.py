"""How traffic goes on: hours out of the tables, forecasts and days until a limit out of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sinks.filter.fields import ALIASES
from sinks.filter.tree import Node, both
from sinks.queries.edges import Ask
from sinks.queries.hourly import ADDED, HOUR_S, Hourly, Hours, ask_hours
from sinks.queries.reported_hours import ask_reported_hours
from sinks.queries.spans import Oldest, Plan, Span
from streams.insights.forecast.crossing import Crossing, crossing, daily
from streams.insights.forecast.gaps import gaps
from streams.insights.forecast.outlook import NOTHING, Outlook, outlook, refusal, season_of, without_beginning
from streams.insights.forecast.weekly import DAY_H, WEEK_H
from weir.query_options import UNITS_S, BadParameter, check_known, read_instant, read_span

if TYPE_CHECKING:
    from weir.answers.limits import Limit

HISTORY_S, SHOWN_S = 56 * 86_400, 14 * 86_400
DEFAULT_BY, DEFAULT_HORIZON = "client,server", "7d"
_HORIZON = re.compile(r"([0-9]{1,5})([hdw])")
LONGEST_H = 90 * 24
_NONE = (None, None, None)

Gaps = NDArray[np.bool_]


@dataclass(frozen=True)
class ForecastQuestion:
    """`until_s`: where what is known ends, and the forecast begins, in UTC seconds: the eight weeks before it are learnt from.

    `filter`, `limit`: which groups, and how many of the largest; all others are one more. `bound`: of each group.
    """

    until_s: int
    by: tuple[str, ...]
    metric: str = "bytes"
    filter: Node | None = None
    horizon_h: int = WEEK_H
    limit: int = 10
    bound: Limit | None = None

    @property
    def learnt_from(self) -> Span:
        end_s = max(HOUR_S, self.until_s // HOUR_S * HOUR_S)
        return Span(max(0, end_s - HISTORY_S), end_s)

    def known_until(self, complete_s: int) -> ForecastQuestion:
        """The same, up to when all is complete at the latest; 0: nothing is there."""
        return replace(self, until_s=min(self.until_s, complete_s or self.until_s))


@dataclass(frozen=True)
class Forecast:
    """`groups`: dimensions, and `other`. `history`: (groups, hours from `start_s` on), NaN in a gap. `crossings`: empty without a bound."""

    groups: pa.Table
    start_s: int
    history: NDArray[np.float64]
    outlook: Outlook
    crossings: tuple[Crossing, ...]
    plan: Plan
    sql: str

    @property
    def end_s(self) -> int:
        return self.start_s + int(self.history.shape[1]) * HOUR_S

    @property
    def gaps(self) -> int:
        """Hours that are not known."""
        return int(np.count_nonzero(np.isnan(self.history[:1])))

    def note(self, group: int) -> str:
        """What is to be said of a group's forecast; often nothing."""
        if self.outlook.refused[group] or not self.outlook.naive[group]:
            return self.outlook.refused[group]
        last = "last week's" if self.outlook.season_h[group] == WEEK_H else "yesterday's"
        return f"It is no better than {last} same hour."


@dataclass(frozen=True)
class Reached:
    """`gaps`: hours that are not known. `now`: the statistic of the limit, of the median day of the last week; None: no day is known."""

    limit: Limit
    now: float | None
    crossing: Crossing
    gaps: int
    plan: Plan


def read_shown(start: str, end: str, now_s: int) -> Span:
    """From when history is shown, two weeks where `start` is empty, and where it ends. Raises BadParameter."""
    return read_span(start or str(max(0, read_instant("to", end, now_s) - SHOWN_S)), end, now_s)


def read_metric(text: str) -> str:
    """Raises BadParameter."""
    name = ALIASES.get(text, text)
    check_known("metric", name, list(ADDED))
    return name


def read_horizon(text: str) -> int:
    """Hours. Raises BadParameter."""
    found = _HORIZON.fullmatch(text)
    hours = int(found.group(1)) * UNITS_S[found.group(2)] // HOUR_S if found else 0
    if not 1 <= hours <= LONGEST_H:
        raise BadParameter("horizon", f"horizon={text[:60]} is not from an hour to 90 days: write 36h, 7d or 2w.")
    return hours


def forecast(ask: Ask, oldest: Oldest, question: ForecastQuestion) -> Forecast:
    hours = ask_hours(ask, _hourly(question, question.by, question.metric, question.filter), oldest)
    history = _known(hours, _gaps(ask, question))
    bound = question.bound
    crossings = tuple(_crossing(series, bound) for series in history) if bound else ()
    start_s = hours.plan.span.start_s // HOUR_S * HOUR_S
    return Forecast(hours.groups, start_s, history, outlook(history, question.horizon_h), crossings, hours.plan, hours.sql)


def reached(ask: Ask, oldest: Oldest, question: ForecastQuestion, limits: Sequence[Limit]) -> tuple[Reached, ...]:
    """Of each limit: the sum of all that its filter, and the question's, let through."""
    unknown = _gaps(ask, question)
    return tuple(_reached(ask, oldest, question, limit, unknown) for limit in limits)


def _reached(ask: Ask, oldest: Oldest, question: ForecastQuestion, limit: Limit, unknown: Gaps) -> Reached:
    hours = ask_hours(ask, _hourly(question, (), limit.metric, both(question.filter, limit.filter)), oldest)
    history = _known(hours, unknown)
    if not len(history):
        return Reached(limit, None, Crossing(_NONE, NOTHING), 0, hours.plan)
    missing = int(np.count_nonzero(np.isnan(history)))
    return Reached(limit, _now(history[0], limit), _crossing(history[0], limit), missing, hours.plan)


def _hourly(question: ForecastQuestion, by: tuple[str, ...], metric: str, where: Node | None) -> Hourly:
    return Hourly(question.learnt_from, by, metric, where, question.limit)


def _gaps(ask: Ask, question: ForecastQuestion) -> Gaps:
    return gaps(ask_reported_hours(ask, question.learnt_from))


def _known(hours: Hours, unknown: Gaps) -> NDArray[np.float64]:
    """`unknown` begins where the question does, which is before all that is kept, or there."""
    return np.where(unknown[len(unknown) - hours.values.shape[1] :], np.nan, hours.values)


def _crossing(values: NDArray[np.float64], limit: Limit) -> Crossing:
    begun = without_beginning(values[None, :])[0]
    refused = refusal(begun)
    return Crossing(_NONE, refused) if refused else crossing(np.log1p(begun), season_of(begun), limit.amount, limit.statistic)


def _now(values: NDArray[np.float64], limit: Limit) -> float | None:
    days = len(values[-WEEK_H:]) // DAY_H
    found = daily(values[None, len(values) - days * DAY_H :], limit.statistic)[0]
    known = found[~np.isnan(found)]
    return float(np.median(known)) if len(known) else None
