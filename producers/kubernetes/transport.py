"""How an API server is asked: what a client has to offer, whichever library it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

JSON = "application/json"


class ApiError(Exception):
    """The server's refusal. `status`: of HTTP, or the code of a Status object. `retry_after`: seconds that it asked to wait."""

    def __init__(self, status: int, text: str, retry_after: float = 0.0) -> None:
        super().__init__(f"status {status}: {text}")
        self.status = status
        self.retry_after = retry_after


class Transport(Protocol):
    """One caller at a time, but for `close`. All methods raise ApiError for a refusal, OSError where no server answers.

    An answer that is no HTTP is an OSError, too.
    """

    def get(self, path_and_query: str, accept: str) -> bytes:
        """The whole body of an answer with status 200."""

    def stream(self, path_and_query: str, accept: str) -> Iterator[bytes]:
        """Returns once the server has accepted, then gives a line at a time. Ends when the server ends the answer.

        A connection that breaks before that raises OSError. An iterator that is dropped early closes its connection.
        """

    def close(self) -> None:
        """From any thread: what is under way ends soon, with OSError; what is begun later, at once."""
