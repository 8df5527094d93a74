"""Texts inside SQL."""

from __future__ import annotations

import re


def quoted(text: str) -> str:
    """A string literal of ClickHouse."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_PLAIN = re.compile(r"[A-Za-z0-9_./:@%-]*")


def literal(text: str) -> str:
    """A string that a user gave, as SQL in which his text does not stand: what is more than a plain name is written in hexadecimal."""
    return f"'{text}'" if _PLAIN.fullmatch(text) else f"unhex('{text.encode('utf-8', 'surrogatepass').hex()}')"
