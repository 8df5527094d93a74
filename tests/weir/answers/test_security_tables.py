"""Questions about many ends: in statements that the engine reads."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sinks.queries.spans import Span
from streams.insights.security.sighted import Contact
from weir.answers.security_tables import Tables

NINE = 1_767_258_000
LONGEST = 262_144
"""The engine's max_query_size, as it comes."""
OLDEST = dict.fromkeys(("edges_1d", "edges_1h", "edges_5m", "flows_1m", "flows"), NINE - 40 * 86_400)
CONTACTS = [
    Contact("default", f"namespace-of-a-team/client-with-a-long-name-{at}", f"another-namespace/server-with-a-long-name-{at}", "",
            f"2001:db8:1234:5678:9abc:def0:1234:{at:x}", 5432, 1, 0, 0, 0, NINE)
    for at in range(5_000)
]  # fmt: skip
ENDS = [("default", one.client) for one in CONTACTS]


@pytest.mark.parametrize("question", ["callers", "met", "lives", "usual_fans", "outflow_days", "clients_of"])
def test_a_fleet_that_is_new_in_one_step_is_asked_about_in_parts(question: str) -> None:
    asked: list[str] = []

    def ask(sql: str) -> pa.Table:
        asked.append(sql)
        return pa.table({"network": pa.array([], pa.string())})

    tables, span = Tables(ask, OLDEST), Span(NINE - 86_400, NINE)
    if question == "callers":
        tables.callers(CONTACTS, NINE)
    elif question == "met":
        tables.met(CONTACTS, span)
    elif question in ("lives", "clients_of"):
        getattr(tables, question)(ENDS, NINE)
    else:
        getattr(tables, question)(ENDS, span)
    assert len(asked) == 20
    assert max(map(len, asked)) < LONGEST
