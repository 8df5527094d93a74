"""`weir forecast`: how traffic goes on, and when it reaches a limit."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from click import Choice, IntRange, Path, UsageError, option

from weir.reading import opened_engine
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sinks.engines.base import Engine
    from sinks.queries.spans import Span
    from weir.answers.forecast import ForecastQuestion
    from weir.answers.limits import Limit


@make("forecast")
@option("--by", default="client,server", show_default=True, metavar="NAMES", help="Up to six dimensions, by comma; '' is the whole.")
@option("--metric", default="bytes", show_default=True, metavar="METRIC", help="A metric that adds up: bytes, opened, packets.")
@option("--horizon", default="7d", show_default=True, metavar="SPAN", help="How far ahead, up to 90d.")
@option("--from", "start", metavar="INSTANT", help="From when json shows history.  [default: two weeks before --to]")
@option("--to", "end", default="now", show_default=True, metavar="INSTANT", help="Where history ends and the forecast begins.")
@option("-q", "--filter", "written", default="", metavar="FILTER", help="Of which traffic: client=web server_zone=eu-*.")
@option("--groups", type=IntRange(1, 2_000), default=10, show_default=True, help="The largest; all others are one more.")
@option("--limit", "bound", metavar="LIMIT", help="Days until each group reaches it: 1TB/day, 800Mbit/s, '800Mbit/s max'.")
@option("--limits", type=Path(dir_okay=False, path_type=FilePath), metavar="FILE", help="Days until those of a file, in place of groups.")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object a line.")
def command(run: Run, form: str, limits: FilePath | None, **asked: Any) -> None:
    """Tells the traffic of each hour ahead, from the eight weeks before, with intervals; and in how many days a limit is reached.

    Each group goes on in the way that did best from earlier days on: its usual week, that at its recent level, that with its trend, or last
    week's hours again. What has less than two weeks of history is refused. --limits names a TOML file of [[limit]] tables, of name, limit,
    filter and statistic (p95 or max of a day's hours).
    """
    from weir.answers.limits import read_limits

    if limits and asked["bound"]:
        raise UsageError("--limit is of each group, --limits are of filters of their own: leave one out")
    bounds = read_limits(limits) if limits else ()
    span, question = _question(asked, run.settings().window_seconds)
    with opened_engine(run.settings()) as engine:
        said = _limits(engine, question, bounds, form) if bounds else _groups(engine, question, span, form)
    sys.stderr.write(f"{said}\n")


def _question(asked: Mapping[str, Any], window_s: int) -> tuple[Span, ForecastQuestion]:
    from weir import query_options
    from weir.answers.forecast import ForecastQuestion, read_horizon, read_metric, read_shown
    from weir.answers.limits import read_limit

    metric = read_metric(asked["metric"])
    bound = read_limit(asked["bound"], metric) if asked["bound"] else None
    now_s = int(time.time()) // window_s * window_s
    span = read_shown(asked["start"] or "", asked["end"], now_s)
    by, where = query_options.dimensions(asked["by"]), query_options.read_filter(asked["written"])
    return span, ForecastQuestion(span.end_s, by, metric, where, read_horizon(asked["horizon"]), asked["groups"], bound)


def _groups(engine: Engine, question: ForecastQuestion, span: Span, form: str) -> str:
    from sinks.queries.status import ask_completeness, ask_oldest
    from weir.answers.forecast import forecast
    from weir.output import forecasts

    found = forecast(engine.ask, ask_oldest(engine.ask), question.known_until(ask_completeness(engine.ask).until_s))
    if form == "table":
        forecasts.show_groups(found)
    else:
        forecasts.write_groups(found, span.start_s)
    return forecasts.said_of(found.plan, found.gaps)


def _limits(engine: Engine, question: ForecastQuestion, bounds: Sequence[Limit], form: str) -> str:
    from sinks.queries.status import ask_completeness, ask_oldest
    from weir.answers.forecast import reached
    from weir.output import forecasts

    found = reached(engine.ask, ask_oldest(engine.ask), question.known_until(ask_completeness(engine.ask).until_s), bounds)
    (forecasts.show_limits if form == "table" else forecasts.write_limits)(found)
    return " ".join(dict.fromkeys(forecasts.said_of(one.plan, one.gaps) for one in found))
