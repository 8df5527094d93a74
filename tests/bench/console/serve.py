"""The built page in a browser without a server: its files and the API's answers are put in the place of every request."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Page, Route

STATIC = Path(__file__).parents[3] / "weir" / "api" / "static"
ADDRESS = "http://weir.test/"
NOW = "2026-01-02T00:00:00Z"
STATUS = {
    "now": NOW, "complete_until": NOW, "newest": NOW, "window_seconds": 10, "nodes": {"known": 5, "reporting": 5, "silent": []},
    "lost": {"flows": 0, "packets": 0, "bytes": 0}, "agents": {}, "version": "0", "tables": {}, "generation": "1",
}  # fmt: skip

Parameters = Mapping[str, str]


def serve(page: Page, groups: Callable[[Parameters], Mapping[str, Any]]) -> None:
    """`groups`: the answer of /groups for these parameters."""

    def answer(route: Route) -> None:
        parts = urlsplit(route.request.url)
        path = parts.path.removeprefix("/")
        if path == "api/v1/groups":
            route.fulfill(json=groups(dict(parse_qsl(parts.query))))
        elif path == "api/v1/status":
            route.fulfill(json={"data": STATUS})
        elif path.startswith("api/"):
            route.fulfill(status=404, json={"title": "Not here", "status": 404, "detail": "Only the map is served here."})
        else:
            file = STATIC / path if path.startswith("assets/") else STATIC / "index.html"
            route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0] or "text/plain")

    page.route("**/*", answer)
