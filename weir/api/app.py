"""The routes of `weir console`."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from schemas.errors import WeirError
from sinks.filter.tree import Node, text
from weir.api import evidence, parameters, questions
from weir.api.answers.every import EVERY
from weir.api.auth.access import Access, Person
from weir.api.auth.hosts import KnownHosts, check_json, check_origin
from weir.api.base_path import BasePath
from weir.api.formats import MEDIA_TYPES, body, document
from weir.api.headers import SafeHeaders
from weir.api.live import Live
from weir.api.openapi import describe
from weir.api.page import page_routes
from weir.api.parameters import Parameters, read
from weir.api.problems import Problem, problem_of, response
from weir.api.questions import Document, Reply
from weir.api.single_flight import Flights
from weir.api.tables import Tables
from weir.api.views import NewView, SavedView, Views, read_view
from weir.explain.known import Rules

log = logging.getLogger("weir.console")
COMPRESSION = 4
"""Of gzip: half of what a higher one takes, for some hundredths more bytes."""

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Question:
    path: str
    parameters: type[Parameters]
    answer: Callable[[Tables, Node | None, Any], Reply | Document]


def questions_of(rules: Rules) -> tuple[Question, ...]:
    """`rules`: of the workers, by which an explanation names again."""
    p, q = parameters, questions
    return (
        Question("/edges", p.EdgesParameters, q.edges),
        Question("/series", p.SeriesParameters, q.series),
        Question("/groups", p.GroupsParameters, q.groups),
        Question("/flows", p.FlowsParameters, q.flows),
        Question("/ownership", p.OwnershipParameters, evidence.ownership),
        Question("/explain", p.ExplainParameters, partial(evidence.explain, rules)),
        Question("/losses", p.LossesParameters, q.losses),
        Question("/status", p.Documents, q.status),
        Question("/fields", p.FieldsParameters, q.fields),
        Question("/parse", p.ParseParameters, q.parsed),
        Question("/complete", p.CompleteParameters, q.complete),
        *(Question(one.path, one.parameters, one.answer) for one in EVERY),
    )


@dataclass(frozen=True)
class Answered:
    """Bytes of an answer, and the tag by which a client that has them is told so."""

    content: bytes
    media_type: str

    @property
    def tag(self) -> str:
        return f'W/"{hashlib.blake2b(self.content, digest_size=12).hexdigest()}"'

    def to(self, request: Request) -> Response:
        headers = {"ETag": self.tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
        if self.tag in (part.strip() for part in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


class Console:
    """One app: `asgi` answers, `close` ends its streams."""

    def __init__(
        self, tables: Tables, access: Access, views: Views, rules: Rules, *, base_path: str = "/", listen: str = "127.0.0.1"
    ) -> None:
        self._tables, self._access, self._views = tables, access, views
        self._flights = Flights()
        self._live = Live(tables, self._flights)
        app = Starlette(
            routes=[Mount("/api/v1", routes=self._api(rules)), Route("/healthz", _alive), *page_routes(base_path)],
            exception_handlers={HTTPException: _not_found, WeirError: _told},  # type: ignore[dict-item]
        )
        served: ASGIApp = BasePath(GZipMiddleware(app, minimum_size=1_000, compresslevel=COMPRESSION), base_path)
        self.asgi: ASGIApp = SafeHeaders(KnownHosts(served, listen) if access.is_open else served)

    def close(self) -> None:
        self._live.close()

    def _api(self, rules: Rules) -> list[Route]:
        asked = [Route(one.path, _safe(partial(self._ask, one))) for one in questions_of(rules)]
        return [
            *asked,
            Route("/live", _safe(self._follow)),
            Route("/me", _safe(self._me)),
            Route("/views", _safe(self._list_or_save), methods=["GET", "POST"]),
            Route("/views/{number:int}", _safe(self._remove_view), methods=["DELETE"]),
            Route("/openapi.json", _safe(_description)),
        ]

    def _person(self, request: Request) -> Person:
        return self._access.person(request.client.host if request.client else "", request.headers)

    async def _ask(self, question: Question, request: Request) -> Response:
        scope = self._person(request).scope
        asked = read(question.parameters, request.query_params)
        key = (question.path, asked, scope)
        return (await self._flights.join(key, partial(_answer, question, self._tables, scope, asked))).to(request)

    async def _follow(self, request: Request) -> Response:
        scope = self._person(request).scope
        asked = read(parameters.LiveParameters, request.query_params)
        stream = await self._live.open(asked, scope, request.headers.get("last-event-id", ""))
        # The last header: a proxy that would wait for the end of the answer does not.
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def _me(self, request: Request) -> Response:
        person = self._person(request)
        read(parameters.Documents, request.query_params)
        scope = None if person.scope is None else text(person.scope)
        me = {"user": person.name, "groups": list(person.groups), "scope": scope, "auth": person.way}
        return Answered(document(me, {}), MEDIA_TYPES["json"]).to(request)

    async def _list_or_save(self, request: Request) -> Response:
        return await (self._save_view(request) if request.method == "POST" else self._list_views(request))

    async def _list_views(self, request: Request) -> Response:
        person = self._person(request)
        read(parameters.Documents, request.query_params)
        found = await run_sync(self._views.seen_by, person.owner, person.groups)
        return Answered(document({"views": [_shown(one, person) for one in found]}, {}), MEDIA_TYPES["json"]).to(request)

    async def _save_view(self, request: Request) -> Response:
        check_origin(request.headers)
        person = self._person(request)
        check_json(request.headers)
        view: NewView = await read_view(request.stream())
        number = await run_sync(self._views.save, view, person.owner, person.groups)
        return Response(document({"id": number}, {}), 201, media_type=MEDIA_TYPES["json"], headers={"Cache-Control": "no-store"})

    async def _remove_view(self, request: Request) -> Response:
        check_origin(request.headers)
        person = self._person(request)
        await run_sync(self._views.remove, request.path_params["number"], person.owner)
        return Response(status_code=204)


def _answer(question: Question, tables: Tables, scope: Node | None, asked: Any) -> Answered:
    reply = question.answer(tables, scope, asked)
    if isinstance(reply, Document):
        return Answered(document(reply.data, reply.meta), MEDIA_TYPES["json"])
    return Answered(body(reply.rows, reply.meta, asked.format), MEDIA_TYPES[asked.format])


def _safe(handler: Handler) -> Handler:
    """No error leaves as anything but a problem document."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except WeirError as error:
            return response(problem_of(error))
        except HTTPException:
            raise
        except Exception as error:
            log.exception("%s %s failed", request.method, request.url.path)
            return response(problem_of(error))

    return handle


def _shown(view: SavedView, person: Person) -> dict[str, Any]:
    own = view.owner == person.owner
    return {
        "id": view.id, "name": view.name, "address": view.address, "owner": view.owner.partition(":")[2], "shared": view.shared,
        "saved": questions.instant(view.saved_s), "own": own,
    }  # fmt: skip


async def _alive(request: Request) -> Response:
    """That the process answers; whether the tables do, /api/v1/status says."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


async def _description(request: Request) -> Response:
    return Response(orjson.dumps(describe()), media_type=MEDIA_TYPES["json"], headers={"Cache-Control": "no-cache"})


async def _told(request: Request, error: Exception) -> Response:
    return response(problem_of(error))


async def _not_found(request: Request, error: HTTPException) -> Response:
    """Of routes: what is asked for is none, or cannot be done there."""
    path = request.url.path[:100]
    if error.status_code == 405:
        said = f"{request.method} is not taken at {path}: use {(error.headers or {}).get('Allow', 'GET')}."
        return response(Problem(405, "It cannot be done there", said), dict(error.headers or {}))
    if error.status_code == 404:
        return response(
            Problem(404, "There is no such address", f"{path} is none of the console's addresses: /api/v1/openapi.json has them.")
        )
    return response(Problem(error.status_code, "It cannot be answered", error.detail), dict(error.headers or {}))
