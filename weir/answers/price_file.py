"""Price tables in TOML, as docs/answers.md has them: those that weir ships, and a user's own, which may stand on one of them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from schemas.errors import SettingError
from sinks.filter.parse import parse
from sinks.filter.sql import metrics_of
from sinks.filter.tree import FilterError, Node
from streams.insights.cost.prices import NO_PRICES, Price, Prices, Range, Through, Tier
from weir.settings.toml_file import read_toml

SHIPPED = ("aws", "azure", "gcp")
_FIRST_S, _LAST_S = 0, 2**32
_PATTERN = re.compile(r"[A-Za-z0-9_.:*-]+")
_WORD = r"^[a-z][a-z0-9_]{0,63}$"


def _money(text: object) -> int:
    """Nanos of a decimal text. A float is refused: it is not what was written."""
    if not isinstance(text, str):
        raise ValueError('write it as a text, per_gb = "0.01"')
    try:
        nano = Decimal(text).scaleb(9)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no decimal number") from None
    if not nano.is_finite() or nano < 0 or nano != int(nano):
        raise ValueError(f"{text!r} is negative or has more than nine digits behind the point")
    return int(nano)


def _patterns(given: object) -> tuple[str, ...]:
    found = tuple(given) if isinstance(given, list) else (given,)
    for one in found:
        if not isinstance(one, str) or not _PATTERN.fullmatch(one):
            raise ValueError(f"{one!r} is no region: use letters, digits, - _ . : and * for any part")
    return tuple(map(str, found))


def _filter(text: object) -> Node:
    try:
        found = parse(str(text))
    except FilterError as error:
        raise ValueError(f"the filter is wrong at character {error.start + 1}: {error}") from None
    if found is None or metrics_of(found):
        raise ValueError("its filter is empty, or speaks of sums: use names, places and addresses alone")
    return found


Money = Annotated[int, BeforeValidator(_money)]
Patterns = Annotated[tuple[str, ...], BeforeValidator(_patterns)]
Where = Annotated[Node, BeforeValidator(_filter)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class _Meta(_Strict):
    base: Literal["", "aws", "azure", "gcp"] = ""
    currency: str = Field("", pattern="^[A-Z]{3}$|^$")
    gb_bytes: int = Field(0, ge=0, le=2**40)
    as_of: date | None = None
    source: str = ""
    services: Patterns = ()


class _Tier(_Strict):
    to_gb: int | None = Field(None, gt=0, le=10**12)
    per_gb: Money


class _Price(_Strict):
    of_class: str = Field(alias="class", pattern=_WORD)
    from_: Patterns = Field(("*",), alias="from")
    to: Patterns = ("*",)
    payer: Literal["sender", "receiver", "owner"] = "sender"
    per_gb: Money | None = None
    tiers: list[_Tier] = []
    per_hour: Money = 0
    valid_from: date | None = None
    valid_to: date | None = None
    checked: bool = True
    source: str = ""


class _Range(_Strict):
    of_class: str = Field(alias="class", pattern=_WORD)
    where: Where


class _Via(_Strict):
    through: str = Field(pattern=_WORD)
    where: Where


class _File(_Strict):
    meta: _Meta = _Meta.model_validate({})
    price: list[_Price] = []
    range: list[_Range] = []
    via: list[_Via] = []


def read_prices(given: str) -> Prices:
    """Of WEIR_PRICES_FILE: the name of a shipped table, a path, or "" for none. Raises SettingError with the place of what is wrong."""
    if not given:
        return NO_PRICES
    if given in SHIPPED:
        return _shipped(given)
    return _prices(given, Path(given))


def _shipped(name: str) -> Prices:
    return _prices(name, files("weir.answers") / "prices" / f"{name}.toml")


def _prices(name: str, path: Path | Traversable) -> Prices:
    known = ", ".join(SHIPPED)
    remedy = f"name a file, or one of {known}"
    content = read_toml(path, _File, called=f"WEIR_PRICES_FILE={name}", remedy=remedy, example="docs/answers.md")
    if not content.model_fields_set:
        raise SettingError(f"WEIR_PRICES_FILE={name} is empty: write prices into it, as docs/answers.md has them, or name one of {known}.")
    meta, base = content.meta, _shipped(content.meta.base) if content.meta.base else NO_PRICES
    currency, gb_bytes = meta.currency or base.currency, meta.gb_bytes or (base.gb_bytes if meta.base else 0)
    if lacking := [key for key, value in (("currency", currency), ("gb_bytes", gb_bytes)) if not value]:
        raise SettingError(f"WEIR_PRICES_FILE={name} lacks {' and '.join(lacking)} in [meta]: write it there, or base for a shipped table.")
    if meta.base and (currency, gb_bytes) != (base.currency, base.gb_bytes):
        raise SettingError(f"WEIR_PRICES_FILE={name} has another currency or gb_bytes than its base {meta.base}: leave them out.")
    own = tuple(_price(name, number, one, gb_bytes) for number, one in enumerate(content.price))
    return Prices(
        currency,
        gb_bytes,
        meta.source or (f"{name}, on {base.source}" if meta.base else name),
        (meta.as_of.isoformat() if meta.as_of else "") or base.as_of,
        (*own, *base.prices),
        _ranges(content, base),
        (*(Through(one.through, one.where) for one in content.via), *base.throughs),
        (*meta.services, *base.services),
    )


def _ranges(content: _File, base: Prices) -> tuple[Range, ...]:
    return (*(Range(one.of_class, one.where) for one in content.range), *base.ranges)


def _price(name: str, number: int, one: _Price, gb_bytes: int) -> Price:
    tiers = one.tiers if one.per_gb is None else [_Tier.model_construct(to_gb=None, per_gb=one.per_gb)]
    edges = [tier.to_gb for tier in tiers]
    given = [edge for edge in edges[:-1] if edge is not None]
    if bool(one.tiers) == (one.per_gb is not None) or edges[-1] is not None or given != sorted(set(given)) or len(given) != len(edges) - 1:
        raise SettingError(
            f"WEIR_PRICES_FILE={name} is wrong at price.{number}: write per_gb, or tiers whose to_gb grow and whose last has none."
        )
    return Price(
        one.of_class,
        one.from_,
        one.to,
        one.payer,
        tuple(Tier(None if tier.to_gb is None else tier.to_gb * gb_bytes, tier.per_gb) for tier in tiers),
        _start_s(one.valid_from) if one.valid_from else _FIRST_S,
        _start_s(one.valid_to + timedelta(days=1)) if one.valid_to else _LAST_S,
        one.checked,
        one.per_hour,
    )


def _start_s(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
