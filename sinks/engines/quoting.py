"""Texts inside SQL."""

from __future__ import annotations


def quoted(text: str) -> str:
    """A string literal of ClickHouse."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
