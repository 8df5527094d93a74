"""SQL that weir composed: of its own names, checked numbers and `quoting.literal`. It needs no look by the engine's parser before it runs.

Nothing a user sent stands in such a statement as text, so that it does what weir wrote; under `limits.CONSOLE_LIMITS` it can only read.
What is looked at here costs a tenth of a millisecond where the guard's own statements cost fifty, and holds even if a text got through:
a statement of another shape is refused.
"""

from __future__ import annotations

import re

from schemas.errors import WeirError
from sinks.engines.guard import OUTSIDE

_TOKEN = re.compile(r"\s+|'(?:[^'\\]|\\.)*'|`\w+`|\w+(?:\.\w+)*|[-+*/%=<>!]+|[(),\[\]]|(.)", re.DOTALL)
_SOURCES = frozenset(("FROM", "JOIN"))
_REFUSED = frozenset(("SETTINGS", "FORMAT", "OUTFILE", "INTO", "INSERT"))
_OPEN, _CLOSE = "(", ")"
_STARTS = ("SELECT", "WITH", _OPEN)
_ENDS = frozenset((_CLOSE, "WHERE", "PREWHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "ON", "USING"))
"""What ends the name and the alias of a table."""
_OWN = "weir."


def check_composed(sql: str) -> None:
    """WeirError for what weir does not write: more than one SELECT of its own tables, comments, other quotation marks, files."""
    sources: list[bool] = []  # of each open parenthesis: whether it stands in place of a table
    before, after_source = "", False
    for match in _TOKEN.finditer(sql):
        one = match.group()
        if one.isspace():
            continue
        word = one.upper()
        wanted = before in _SOURCES and not (one == _OPEN or one.startswith(_OWN))
        if match.group(1) or wanted or not _is_known(word, one) or not before and word not in _STARTS:
            raise _unknown(one)
        if after_source and one in (",", _OPEN):  # a list of tables, or arguments of a table function
            raise _unknown(f"{before}{one}")
        if one == _OPEN:
            sources.append(before in _SOURCES)
        closed = sources.pop() if one == _CLOSE and sources else False
        after_source = closed or one.startswith(_OWN) or after_source and word not in _ENDS
        before = word


def _is_known(word: str, one: str) -> bool:
    return one[0] == "'" or not (word in _REFUSED or "--" in one or "/*" in one or OUTSIDE.fullmatch(one))


def _unknown(what: str) -> WeirError:
    return WeirError(f"A statement that weir composed has {what[:60]!r} in it, which weir does not write: report it, with what was asked.")
