"""Errors of the API: problem documents of RFC 9457, each with a sentence that says the way out."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from schemas.errors import Unavailable, WeirError
from sinks.engines.errors import TooLarge, TooLong
from sinks.filter.tree import FilterError
from weir.query_options import BadParameter

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = {429: "1", 503: "2"}


class Problem(WeirError):
    """`title` is the same for all problems of a kind; `more`: members beyond those of the RFC."""

    def __init__(self, status: int, title: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.title, self.more = status, title, more


def bad_parameter(name: str, detail: str, **more: Any) -> Problem:
    return Problem(400, "A parameter is wrong", detail, parameter=name, **more)


def problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, BadParameter):
        return bad_parameter(error.parameter, str(error))
    if isinstance(error, FilterError):
        return bad_parameter("q", str(error), start=error.start, end=error.end, expected=list(error.expected))
    if isinstance(error, TooLong):
        return Problem(503, "It takes too long", str(error))
    if isinstance(error, TooLarge):
        return Problem(422, "It is too much", str(error))
    if isinstance(error, Unavailable):
        return Problem(503, "The tables do not answer", str(error))
    if isinstance(error, WeirError):
        return Problem(422, "It cannot be answered", str(error))
    return Problem(500, "An error of weir", f"{type(error).__name__}: report it, with the log of `weir console`.")


def response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    body = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": str(problem), **problem.more}
    own = {**(headers or {}), "Cache-Control": "no-store"}
    if problem.status in RETRY_SECONDS:
        own["Retry-After"] = RETRY_SECONDS[problem.status]
    if problem.status == 401:
        own["WWW-Authenticate"] = 'Bearer realm="weir"'
    return Response(orjson.dumps(body), problem.status, own, MEDIA_TYPE)
