"""A word of a filter as a value of its field. Quoted or not is the same here."""

from __future__ import annotations

import ipaddress
import re

from sinks.filter.fields import Field
from sinks.filter.tokens import Token
from sinks.filter.tree import Amount, FilterError, Pattern, Prefix, Value

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)([a-zA-Z%]*)")
_BYTES = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}  # fmt: skip
_TIMES = {"": 1, "us": 1, "ms": 1_000, "s": 1_000_000}
_COUNTS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_UNITS = {"bytes": _BYTES, "time": _TIMES, "count": _COUNTS}
_SHOWN = {"bytes": "B, kB, MB, GB, TB, KiB, MiB, GiB or TiB", "time": "us, ms or s", "count": "k, M or G"}
_MAPPED = ipaddress.ip_network("::ffff:0:0/96")
AMOUNT_LIMIT = 1 << 63


def read_value(field: Field, token: Token) -> Value:
    """Raises FilterError with the place of the token."""
    if field.is_metric:
        return _amount(field, token)
    if field.kind == "port":
        return _port(field, token)
    if field.kind == "address":
        return _prefix(field, token)
    if field.kind == "word":
        return _one_of(field, token)
    if field.name == "protocol":  # all of them are written small
        return Pattern(tuple(part.lower() for part in token.parts))
    return Pattern(token.parts)


def _amount(field: Field, token: Token) -> Amount:
    match = _NUMBER.fullmatch(token.word)
    if not match or token.wild:
        raise _wrong(token, f"{token.shown} is no amount of {field.name}: write a number, with {_SHOWN[field.kind]} if you like.")
    digits, unit = match.groups()
    if unit == "%":
        if not field.share_of:
            raise _wrong(token, f"{field.name} is no share of anything: write it without %.")
        return Amount(_bounded(token, float(digits) / 100), token.word, is_share=True)
    factor = _UNITS[field.kind].get(unit.lower())
    if factor is None:
        raise _wrong(token, f"{unit[:20]} is no unit of {field.name}: use {_SHOWN[field.kind]}.")
    return Amount(_bounded(token, (float(digits) if "." in digits else int(digits)) * factor), token.word)


def _bounded(token: Token, number: int | float) -> int | float:
    if number >= AMOUNT_LIMIT:
        raise _wrong(token, f"{token.shown} is more than can be counted: use a smaller number.")
    return number


def _port(field: Field, token: Token) -> int:
    digits = token.word
    if token.wild or not (digits.isascii() and digits.isdigit() and int(digits) <= 65_535):
        raise _wrong(token, f"{token.shown} is no {field.name}: write a number from 0 to 65535.")
    return int(digits)


def _prefix(field: Field, token: Token) -> Prefix:
    try:
        if token.wild or "%" in token.word:
            raise ValueError
        network = ipaddress.ip_network(token.word, strict=False)
    except ValueError:
        hint = "write 10.0.0.1, 10.2.0.0/16, 2001:db8::1 or 2001:db8::/32."
        raise _wrong(token, f"{token.shown} is no address and no prefix: {hint}") from None
    return Prefix(_bytes(network.network_address), _bytes(network.broadcast_address), token.word)


def _bytes(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    return address.packed if address.version == 6 else _MAPPED.network_address.packed[:12] + address.packed


def _one_of(field: Field, token: Token) -> Pattern:
    word = token.word.lower()
    if token.wild or word not in field.words:
        raise FilterError(f"{token.shown} is no {field.name}: use {', '.join(field.words)}.", token.start, token.end, field.words)
    return Pattern((word,))


def _wrong(token: Token, sentence: str) -> FilterError:
    return FilterError(sentence, token.start, token.end)
