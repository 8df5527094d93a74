"""What a name may be, for nodes, regions, networks, workloads, stages and reasons alike.

A name is at most 512 bytes of UTF-8 and holds no control character (U+0000 to U+001F, U+007F to
U+009F): those break lines of logs, terminals and keys. Everything else is a name, SQL text included;
it is never put into a statement, so it can do no harm there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from schemas.errors import Unreadable

NAME_BYTES = 512
NODE_PREFIX = "node/"
"""Begins the name of a node as a workload: it holds the addresses that several workloads share."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def check_name(what: str, name: str) -> None:
    """Raises Unreadable when the name breaks the rule; `what` says whose name it is."""
    found = _CONTROL.search(name)
    if found:
        raise Unreadable(
            f"{what} {_shown(name)} holds the control character U+{ord(found.group()):04X}; names must be free of control characters."
        )
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise Unreadable(f"{what} {_shown(name)} holds a lone surrogate, which is not text; use valid UTF-8.") from None
    if size > NAME_BYTES:
        raise Unreadable(f"{what} {_shown(name)} is {size} bytes long; names have at most {NAME_BYTES} bytes.")


def check_names(what: str, names: Iterable[str]) -> None:
    """check_name for many at the cost of one search where all are short and clean."""
    names = tuple(names)
    together = "".join(names)
    if len(together) <= NAME_BYTES // 4 or max(map(len, names)) <= NAME_BYTES // 4:
        if together.isascii() and together.isprintable():
            return
    for name in names:
        check_name(what, name)


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 40 else name[:37] + "...")
