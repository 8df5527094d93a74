"""The path that a proxy serves the console under. Proxies that cut it off and proxies that leave it are served alike."""

from __future__ import annotations

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class BasePath:
    """`base` ends with /."""

    def __init__(self, app: ASGIApp, base: str) -> None:
        self._app, self._base = app, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._base == "/":
            await self._app(scope, receive, send)
        elif scope["path"] == self._base.rstrip("/"):
            await RedirectResponse(self._base, 308)(scope, receive, send)
        elif scope["path"].startswith(self._base):
            rest = scope["path"][len(self._base) - 1 :]
            await self._app({**scope, "path": rest, "raw_path": rest.encode()}, receive, send)
        else:
            await self._app(scope, receive, send)
