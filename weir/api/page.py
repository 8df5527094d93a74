"""The built page: one index for all of its addresses, and files whose names tell their content."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
PAGES = (
    "", "map", "health", "security", "cost", "path", "segments", "edge", "workload", "explore", "flows", "address", "truth", "views",
)  # fmt: skip
_BASE = '<base href="/"'


class Assets(StaticFiles):
    """Their names change with their content: a browser need never ask again."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        if isinstance(response, FileResponse):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def page_routes(base_path: str) -> list[Route | Mount]:
    """`base_path` ends with /: what the page's own addresses are relative to."""
    index = (STATIC / "index.html").read_text(encoding="utf-8")
    assert _BASE in index, "the built page has no <base>"  # noqa: S101 the build makes it

    async def show(request: Request) -> Response:
        own = index.replace(_BASE, f'<base href="{base_path}"')
        return Response(own, media_type="text/html", headers={"Cache-Control": "no-cache"})

    return [*(Route(f"/{name}", show) for name in PAGES), Mount("/assets", Assets(directory=STATIC / "assets"))]
