"""Names under which the console answers, and pages that may change something.

A page of another site can make a browser ask 127.0.0.1 under a name of that site's own (DNS rebinding): without a login, a name that nobody
gave to this machine is refused.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from weir.api.problems import Problem, response

WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 they are compared with


def is_loopback(host: str) -> bool:
    """Of a host's name or address, without a port."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class KnownHosts:
    """`listen`: the host that is listened on. A request must name it, or loopback; where it is a wildcard, an address or a name without a
    dot, which no name server outside gives.
    """

    def __init__(self, app: ASGIApp, listen: str) -> None:
        self._app, self._listen = app, listen.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = Headers(scope=scope).getlist("host")
            if len(given) != 1 or not self._knows(host_of(given[0])):
                name = " or ".join(given)[:100] or "nothing"
                said = f"The console is not called {name} here: use http://127.0.0.1:PORT/, or set up a login."
                await response(Problem(421, "The console has another name", said))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _knows(self, host: str) -> bool:
        if is_loopback(host) or host == self._listen:
            return True
        return self._listen in WILDCARDS and bool(host) and (_is_address(host) or "." not in host)


def host_of(header: str) -> str:
    """Without the port, in lower case; empty where it is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def check_origin(headers: Headers) -> None:
    """Raises Problem where a page of another site asks. What is no browser sends neither header."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None:
        fine = site in ("same-origin", "none")
    else:
        fine = origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    if not fine:
        raise Problem(
            403, "Another site asks", f"A page of {(origin or 'another site')[:100]} may change nothing here: use the console's own."
        )


def check_json(headers: Headers) -> None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "It is not JSON", "Send the view as JSON, with the header Content-Type: application/json.")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
