"""Which known name was meant by one that is not known, as a sentence's last part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_COMPARED = 100
"""Characters: a comparison takes the product of both lengths."""
_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")


def nearest(name: str, known: Iterable[str], count: int = 1) -> tuple[str, ...]:
    """At most so many: those that have `name` as a whole word, as shop/web has web, then those spelt alike. Of either case."""
    given = name[:_COMPARED].lower()
    spelt: dict[str, str] = {}
    for one in known:
        spelt.setdefault(one.lower(), one)
    whole = sorted((one for one in spelt if given in _BETWEEN_WORDS.split(one)), key=len) if given else []
    found = dict.fromkeys((*whole, *get_close_matches(given, spelt, count)))
    return tuple(spelt[one] for one in found)[:count]


def hint(near: Sequence[str], known: Iterable[str] = (), *, otherwise: str = "") -> str:
    """`did you mean A or B?`, and where nothing is near, `otherwise` or what is known."""
    return f"did you mean {either(near)}?" if near else otherwise or f"known are {', '.join(known)}."


def either(words: Sequence[str]) -> str:
    """`a, b or c`, of one word at least."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
