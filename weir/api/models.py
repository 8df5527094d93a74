"""What answers look like: models that the API's description is made of, and that tests hold answers against.

Members may be added within v1; none goes, and none changes its meaning.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Value = str | int | float | bool | list[Any] | None
Columns = dict[str, list[Value]]
Sums = dict[str, Value]
"""By metric. null: nothing is known. Integers beyond 2^53 are text."""


class Shape(BaseModel):
    model_config = ConfigDict(extra="allow")


class Table(Shape):
    """Lists of equal length, by column. Integers beyond 2^53 are text; instants are RFC 3339; what is not known is null."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, list[Value]]

    @model_validator(mode="after")
    def _is_even(self) -> Table:
        if len({len(values) for values in (self.__pydantic_extra__ or {}).values()}) > 1:
            raise ValueError("columns differ in length")
        return self


class Lost(Shape):
    flows: int | str
    packets: int | str
    bytes: int | str


class Meta(Shape):
    """What every answer over a span says of itself."""

    from_: str = Field(alias="from", description="start of what is answered")
    to: str = Field(description="its end, not included")
    table: str = Field(description="the tables that were read, by comma")
    step: int | None = Field(description="seconds of a step")
    complete_until: str | None = Field(description="up to when every node that is not silent has reported")
    lost: Lost = Field(description="what is known not to have been counted in the span")
    unnamed: float | None = Field(description="share of the bytes of which an end has no name")
    other: Sums = Field(description="the sums of all groups that are not among the rows")
    total: Sums = Field(description="the sums of the whole")
    sql: str = Field(description="the statement that was asked")
    warnings: list[str]
    excluded: list[str] | None = Field(None, description="of an answer without rows: the terms without which there would be some")
    generation: str = Field(description="of the tables; the same as long as nothing has come that the answer could see")


class Rows(Shape):
    data: Table
    meta: Meta


class Listed(Shape):
    data: Table
    meta: dict[str, Any]


class Graph(Shape):
    nodes: Table
    edges: Table = Field(description="`from` and `to` are rows of `nodes`")


class Map(Shape):
    data: Graph
    meta: Meta


class Nodes(Shape):
    known: int
    reporting: int
    silent: list[str] | None = Field(description="null: outside of the scope")


class Status(Shape):
    now: str
    complete_until: str | None
    newest: str | None
    window_seconds: int
    nodes: Nodes
    lost: Lost = Field(description="of the last hour")
    agents: dict[str, int] = Field(description="nodes by the version of their agent")
    version: str
    tables: dict[str, dict[str, str]] = Field(description="the start of the oldest row of each table that has one")
    generation: str


class Me(Shape):
    user: str
    groups: list[str]
    scope: str | None = Field(description="the filter that is added to everything; null: none")
    auth: Literal["open", "token", "proxy"]


class Term(Shape):
    text: str
    start: int = Field(description="its place in `q`, in characters")
    end: int
    field: str | None = Field(description="of the only term in it")


class Parsed(Shape):
    text: str = Field(description="the filter in its shortest form")
    terms: list[Term] = Field(description="what stands side by side in it")


class Candidate(Shape):
    text: str
    meaning: str = Field(description="of a field; else empty")
    bytes: int | str | None = Field(description="of a name or a port that was seen in the span; else null")


class Completion(Shape):
    start: int = Field(description="start of what a candidate takes the place of, in characters")
    end: int
    candidates: list[Candidate]


class Explanation(Shape):
    flow: dict[str, Any]
    matching: int
    why: str
    now: dict[str, str]
    services: list[dict[str, Any]]
    ranges: list[dict[str, Any]]


class View(Shape):
    id: int
    name: str
    address: str
    owner: str
    shared: bool
    saved: str
    own: bool


class SavedViews(Shape):
    views: list[View]


class Saved(Shape):
    id: int


class Problem(Shape):
    """RFC 9457."""

    type: str
    title: str = Field(description="the same for all problems of a kind")
    status: int
    detail: str = Field(description="a sentence that says the way out")
    parameter: str | None = None
    start: int | None = Field(None, description="where in the filter, in characters")
    end: int | None = None
    expected: list[str] | None = None
    ways: list[str] | None = Field(None, description="with 401: how one can become known")
