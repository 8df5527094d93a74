"""Limits as people write them: `1TB/day`, `800Mbit/s max`, `2000 opened/s`, and files of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import SettingError
from sinks.filter.fields import ALIASES
from sinks.filter.tree import Node
from sinks.queries.hourly import ADDED
from streams.insights.forecast.crossing import Statistic
from weir.query_options import BadParameter, read_filter
from weir.settings.toml_file import read_toml

PERIODS_S = {"s": 1, "min": 60, "hour": 3_600, "day": 86_400}
_HOUR_S = 3_600
_FORM = re.compile(r"\s*([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([A-Za-z_]*)\s*/\s*(s|min|hour|day)(?:\s+(p95|max))?\s*")
_SCALES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BYTES = {f"{scale}B": size for scale, size in _SCALES.items()} | {
    f"{scale}iB": 1_024**power for power, scale in enumerate(("K", "M", "G", "T", "P"), 1)
}
_BITS = {f"{scale}bit": size / 8 for scale, size in _SCALES.items()}


@dataclass(frozen=True)
class Limit:
    """`amount`: in the metric's unit, of a day's sum, or of the 95th percentile or the highest of a day's hours. `text`: as written."""

    name: str
    text: str
    metric: str
    amount: float
    statistic: Statistic
    filter: Node | None = None


def read_limit(text: str, metric: str, name: str = "", where: Node | None = None) -> Limit:
    """Raises BadParameter. `metric`: of a number without a unit."""
    found = _FORM.fullmatch(text)
    if not found:
        raise BadParameter(
            "limit", f"limit={text[:60]} is no limit: write 1TB/day, 800Mbit/s, 800Mbit/s max, or 2000 connections_opened/s."
        )
    number, unit, period, statistic = found.groups()
    if not float(number):
        raise BadParameter("limit", f"limit={text[:60]} is reached by nothing: write a limit above 0.")
    amount, of = _unit(text, unit, metric)
    if period == "day" and statistic:
        raise BadParameter("limit", f"limit={text[:60]} is of a day's sum, of which there is no {statistic}: leave it out, or write /hour.")
    per_s = max(_HOUR_S, PERIODS_S[period])
    kind: Statistic = "sum" if period == "day" else "max" if statistic == "max" else "p95"
    return Limit(name or text.strip(), text.strip(), of, float(number) * amount * per_s / PERIODS_S[period], kind, where)


def _unit(text: str, unit: str, metric: str) -> tuple[float, str]:
    """What one of the unit is in the metric's own, and the metric."""
    size = _BYTES.get(unit, _BITS.get(unit))
    if size is not None:
        return size, metric if "bytes" in metric else "bytes"
    of = ALIASES.get(unit, unit) or metric
    if of not in ADDED:
        raise BadParameter("limit", f"limit={text[:60]} has a unit that is not known: use B, kB, GiB, Mbit, or a metric that adds up.")
    return 1, of


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    limit: str = Field(max_length=100)
    filter: str = ""
    statistic: Literal["p95", "max"] | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: tuple[_Row, ...] = Field(min_length=1, max_length=100)


def read_limits(path: Path) -> tuple[Limit, ...]:
    """Of a TOML file with [[limit]] tables: name, limit, and where wanted filter and statistic. Raises SettingError."""
    remedy = "name one that this user may read"
    rows = read_toml(path, _File, called=f"The file of limits {path}", remedy=remedy, example="docs/answers.md").limit
    try:
        return tuple(read_limit(f"{row.limit} {row.statistic or ''}".strip(), "bytes", row.name, read_filter(row.filter)) for row in rows)
    except BadParameter as error:
        raise SettingError(f"{path}: {error}") from None
