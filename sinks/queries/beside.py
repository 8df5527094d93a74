"""Statements that need not see one state of the tables, at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from sinks.queries.edges import Ask


def ask_beside(ask: Ask, statements: Sequence[str]) -> list[pa.Table]:
    """Their answers, in the same order. The first is asked beside all others, which follow each other: an engine has few sessions to ask.

    Raises what the first of them that fails does.
    """
    first, *others = statements
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, first)
        answers = [ask(statement) for statement in others]
        return [answer.result(), *answers]
