"""What a port of weir answers over HTTP."""

from __future__ import annotations

from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.support.processes import PATIENCE


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and text; (0, "") where nobody listens."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5 * PATIENCE) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except URLError:
        return 0, ""


def health(port: int) -> tuple[int, str]:
    """A worker's /health: its status and its one line."""
    status, text = ask(port, "/health")
    return status, text.strip()
