"""Exit statuses of commands that check something: whatever keeps a check from its end must not look like a success, or like a failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from weir.failures import WRONG, report
from weir.output.stdout import ReaderGone, discard

HOLDS, NOT, UNKNOWN = 0, 1, 3
_STATUS = {True: HOLDS, False: NOT, None: UNKNOWN}

T = TypeVar("T")


def checked(find: Callable[[], T], show: Callable[[T], None], holds: Callable[[T], bool | None]) -> int:
    """The status of what is found. UNKNOWN where it cannot be found, or the check is ended before; 2 where the command line is wrong."""
    try:
        found = find()
    except KeyboardInterrupt:
        return UNKNOWN
    except Exception as error:
        return WRONG if report(error) == WRONG else UNKNOWN
    try:
        show(found)
    except ReaderGone:
        discard()
    return _STATUS[holds(found)]
