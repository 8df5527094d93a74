"""Where findings are posted to: texts to values. No error repeats the text: it may hold a password."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import unquote

from schemas.urls import scheme_of, split_url


@dataclass(frozen=True)
class Target:
    """`url`: without user and password. `authorization`: of them; empty: none."""

    url: str
    authorization: str

    def below(self, path: str) -> Target:
        return Target(f"{self.url.rstrip('/')}/{path}", self.authorization)


def read_target(url: str) -> Target:
    """ValueError with half a sentence where it cannot be one."""
    if scheme_of(url) not in ("http", "https"):
        raise ValueError("it does not begin with http:// or https://; write http://host:port/path")
    parts = split_url(url)
    if not parts.hostname:
        raise ValueError("it names no host; write http://host:port/path")
    user, _, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    known = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    return Target(parts._replace(netloc=place, fragment="").geturl(), f"Basic {known}" if user else "")
