"""A list of paths that must be, and of paths that must not: what a deployment is held against.

[[must]]
client = "shop/checkout"
server = "shop/payments:8443"
within = "15m"

[[must_not]]
client = "shop/web"
server = "shop/postgres:5432"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any, Literal

from schemas.errors import SettingError
from schemas.nearest import hint, nearest
from sinks.queries.edges import Ask
from sinks.queries.path import Ends
from sinks.queries.spans import Oldest, Span
from weir.answers.path import Path, PathQuestion, path
from weir.answers.path_ends import read_ends, read_length
from weir.query_options import BadParameter
from weir.settings.toml_file import load_toml

KINDS = ("must", "must_not")
KEYS = ("client", "server", "protocol", "within")
WITHIN = "15m"
Outcome = Literal["holds", "violated", "unknown"]


@dataclass(frozen=True)
class Rule:
    """`within_s`: the length of the span before now that is looked at."""

    must: bool
    ends: Ends
    within_s: int


@dataclass(frozen=True)
class Checked:
    """`path` is None where a name is not known; `sentence` says so."""

    rule: Rule
    outcome: Outcome
    path: Path | None
    sentence: str


def read_rules(file: File) -> tuple[Rule, ...]:
    """Raises SettingError, which names the file, the rule and the key."""
    document = load_toml(file, called=str(file), remedy="name a file that this user may read", example="docs/answers.md")
    _check_keys(str(file), document, KINDS)
    rules = [_rule(f"{file}, {kind} {at + 1}", kind == "must", given) for kind in KINDS for at, given in enumerate(_listed(document, kind))]
    if not rules:
        raise SettingError(f"{file} has no rule: write [[must]] or [[must_not]] with client and server.")
    return tuple(rules)


def _listed(document: dict[str, Any], kind: str) -> Sequence[Any]:
    found = document.get(kind, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise SettingError(f"{kind} is no list of tables: write [[{kind}]] above each rule.")
    return found


def _rule(place: str, must: bool, given: dict[str, Any]) -> Rule:
    _check_keys(place, given, KEYS)
    for key in KEYS:
        if not isinstance(given.get(key, ""), str):
            raise SettingError(f"{place}: {key}={given[key]} is no text: put it in quotation marks.")
    for key in ("client", "server"):
        if key not in given:
            raise SettingError(f'{place} has no {key}: add {key} = "..." to it.')
    try:
        ends = read_ends(given["client"], given["server"], given.get("protocol", "tcp"))
        return Rule(must, ends, read_length("within", given.get("within", WITHIN)))
    except BadParameter as error:
        raise SettingError(f"{place}: {error}") from None


def _check_keys(place: str, given: dict[str, Any], known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            raise SettingError(f"{place}: {key[:60]} is not known: {hint(nearest(key, known), known)}")


def check(ask: Ask, oldest: Oldest, rule: Rule, now_s: int) -> Checked:
    """A name that is not known leaves it open: what has never been seen may come with the deployment."""
    span = Span(max(0, now_s - rule.within_s), now_s)
    try:
        found = path(ask, oldest, PathQuestion(rule.ends, span))
    except BadParameter as error:
        return Checked(rule, "unknown", None, str(error))
    return Checked(rule, _must(found) if rule.must else _must_not(found), found, found.sentence)


def _must(found: Path) -> Outcome:
    ok = found.verdict.ok
    return "unknown" if ok is None else "holds" if ok else "violated"


def _must_not(found: Path) -> Outcome:
    """One success is one too many, whatever can be said of now; that nobody tried, or all failed, is as it must be."""
    if found.verdict.seen.opened or found.verdict.ok:
        return "violated"
    return "holds" if found.verdict.word in ("failing", "no_attempts") else "unknown"
