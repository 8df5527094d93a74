"""The routes of `weir console`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from schemas.errors import WeirError
from sinks.filter.tree import Node
from weir.api import parameters, questions
from weir.api.formats import MEDIA_TYPES, body, plain
from weir.api.headers import SafeHeaders
from weir.api.page import page_routes
from weir.api.parameters import Parameters, read
from weir.api.problems import problem_of, response
from weir.api.questions import Document, Reply
from weir.api.tables import Tables

log = logging.getLogger("weir.console")
ASKING = 4
"""Questions that are asked at a time; others wait."""


@dataclass(frozen=True)
class Question:
    path: str
    parameters: type[Parameters]
    answer: Callable[[Tables, Node | None, Any], Reply | Document]
    summary: str


QUESTIONS = (
    Question(
        "/edges", parameters.EdgesParameters, questions.edges, "Sums by dimensions: the largest groups, all others as one, and the whole"
    ),
    Question("/series", parameters.SeriesParameters, questions.series, "The same over time"),
    Question("/groups", parameters.GroupsParameters, questions.groups, "A map: ends folded into groups, and edges between them"),
    Question("/flows", parameters.FlowsParameters, questions.flows, "Raw flows, the newest first, page by page"),
    Question("/losses", parameters.LossesParameters, questions.losses, "What could not be counted: where, why, how much"),
    Question("/status", parameters.Parameters, questions.status, "Up to when the tables are complete, and who has reported"),
    Question("/fields", parameters.Parameters, questions.fields, "What filters and answers can speak of"),
    Question("/parse", parameters.ParseParameters, questions.parsed, "Whether a filter can be used, and its shortest form"),
    Question("/complete", parameters.CompleteParameters, questions.complete, "What may stand at the caret of a filter"),
)


def make_app(tables: Tables, base_path: str = "/") -> Starlette:
    limiter = CapacityLimiter(ASKING)

    def route(question: Question) -> Route:
        async def handle(request: Request) -> Response:
            try:
                asked = read(question.parameters, request.query_params)
                return await run_sync(_answer, question, tables, None, asked, limiter=limiter)
            except WeirError as error:
                return response(problem_of(error))

        return Route(question.path, handle, methods=["GET"])

    api = Mount("/api/v1", routes=[route(question) for question in QUESTIONS])
    return Starlette(
        routes=[api, *page_routes(base_path)], middleware=[Middleware(SafeHeaders), Middleware(GZipMiddleware, minimum_size=1_000)]
    )


def _answer(question: Question, tables: Tables, scope: Node | None, asked: Parameters) -> Response:
    reply = question.answer(tables, scope, asked)
    if isinstance(reply, Document):
        return Response(orjson.dumps({"data": reply.data, "meta": reply.meta}, default=plain), media_type=MEDIA_TYPES["json"])
    return Response(body(reply.rows, reply.meta, asked.format), media_type=MEDIA_TYPES[asked.format])
