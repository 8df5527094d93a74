"""`/path`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sinks.filter.parse import parse
from sinks.filter.tree import Node, both
from streams.insights.path.verdicts import Word
from weir.answers.path import PathQuestion, path
from weir.answers.path_ends import read_ends
from weir.answers.path_object import as_object
from weir.api.answers.answer import Answer
from weir.api.formats import exact
from weir.api.models import Shape, Table
from weir.api.parameters import Documents, Ranged
from weir.api.questions import Document, said_of, span_of
from weir.api.tables import Tables


class PathParameters(Ranged, Documents):
    from_: str = Field("now-1h", alias="from", max_length=64, description="start: RFC 3339, UNIX seconds, or now-6h")
    client: str = Field(max_length=1_000, description="the workload that calls")
    server: str = Field(max_length=1_000, description="a workload, a service, a domain, an address or a prefix; :PORT may follow")
    port: Annotated[int, Field(ge=0, le=65_535)] | None = Field(None, description="only this service port")
    protocol: str = Field("tcp", max_length=20, description="tcp, udp, ...")


class Bounds(Shape):
    low: float
    high: float


class Path(Shape):
    client: str
    server: str
    protocol: str
    service_port: int | None
    verdict: Word
    ok: bool | None = Field(description="whether the client reaches the server; null: not known")
    sentence: str
    share: Bounds | None = Field(description="of attempts that succeed, at 95 %; null: there was none")
    opened: int | str
    failed: int | str
    refused: int | str
    timed_out: int | str
    reset: int | str
    bytes: int | str
    last_success: str | None
    first_failure: str | None = Field(description="where it broke: the first one after the last success")
    first_success: str | None
    last_failure: str | None
    until: str = Field(description="up to when it is answered: what is on its way is left out")
    evidence: Table = Field(description="by node, zone and role of the end that told it")
    reasons: list[str] = Field(description="why it is not known; what makes it less certain")


def answer(tables: Tables, scope: Node | None, asked: PathParameters) -> Document:
    """Past the cache: rows must be as new as the windows that say that nothing is missing of them."""
    ends = read_ends(asked.client, asked.server, asked.protocol, asked.port)
    question = PathQuestion(ends, span_of(tables, asked), both(parse(asked.q), scope))
    found = path(tables.ask_now, tables.oldest(), question)
    said = as_object(found)
    evidence = {name: [exact(one) if isinstance(one, int) else one for one in values] for name, values in said["evidence"].items()}
    counts = {name: exact(value) for name, value in said.items() if isinstance(value, int) and not isinstance(value, bool)}
    meta = said_of(tables, found.plan, found.sql)
    return Document({**said, **counts, "service_port": ends.port, "evidence": evidence}, {**meta, "warnings": list(found.plan.warnings)})


ANSWER = Answer("/path", "Whether a client reaches a server: a verdict and its evidence", PathParameters, Path, answer)
