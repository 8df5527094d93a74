"""Where a server of weir's listens, and under which path a proxy serves it: texts to values."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BASE_PATH = re.compile(r"/(?:[A-Za-z0-9._~-]+/)*")
_OWN = ("/api/", "/assets/")
"""Paths of the console itself: behind a proxy that cuts the base off, the two could not be told apart."""


@dataclass(frozen=True)
class Address:
    """`host`: a name or an address, without brackets. `port` 0: any that is free."""

    host: str
    port: int

    @property
    def text(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_listen(text: str) -> Address:
    """Of ADDR:PORT. ValueError with half a sentence."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    plain = host[1:-1] if bracketed else host
    if not (colon and plain and port.isascii() and port.isdigit() and int(port) <= 65_535) or (":" in plain and not bracketed):
        raise ValueError(f"{text!r} is no address with a port; write one like 127.0.0.1:8470 or [::1]:8470")
    return Address(plain, int(port))


def read_base_path(text: str) -> str:
    """With a / at both ends. ValueError with half a sentence."""
    path = f"/{text.strip('/')}/" if text.strip("/") else "/"
    if not _BASE_PATH.fullmatch(path) or "/./" in path or "/../" in path:
        raise ValueError(f"{text!r} is no path; write it as /weir/ or /tools/weir/, of letters, digits, '.', '_', '~' and '-'")
    if path.startswith(_OWN):
        raise ValueError(f"{text!r} begins with a path of the console's own; choose one that does not begin with /api/ or /assets/")
    return path
