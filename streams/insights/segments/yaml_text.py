"""Manifests as YAML: what JSON can say, in blocks, with comments. Text is quoted wherever it could be read as anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9/._-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""Text to people, and something else to readers of YAML 1.1."""


@dataclass(frozen=True)
class Noted:
    """An item of a list, with a comment above."""

    note: str
    value: Any


def documents(objects: Sequence[tuple[Sequence[str], Mapping[str, Any]]]) -> str:
    """Each with its comments above."""
    return "".join(
        "---\n" + "".join(f"# {_one_line(note)}\n" for note in notes) + "\n".join(_lines(one, "")) + "\n" for notes, one in objects
    )


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _entry(f"{indent}{_scalar(key)}:", inner, f"{indent}  ")
    else:
        for item in value:
            yield from _item(item, indent)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping | list) and value:
        yield head
        yield from _lines(value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _item(item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, Noted):
        if item.note:
            yield f"{indent}# {_one_line(item.note)}"
        item = item.value
    if isinstance(item, Mapping | list) and item:
        first, *rest = _lines(item, f"{indent}  ")
        yield f"{indent}- {first.removeprefix(f'{indent}  ')}"
        yield from rest
    else:
        yield f"{indent}- {_scalar(item)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value)


def _one_line(text: str) -> str:
    """Nothing in a comment ends it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
