"""The access file: tokens, groups with their scopes, and the proxies that may say who asks. docs/console.md has an example."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from schemas.errors import SettingError
from sinks.filter.parse import parse
from sinks.filter.sql import metrics_of
from sinks.filter.tree import FilterError, Node
from weir.api.auth.access import Access
from weir.settings.toml_file import read_toml

TOKEN_BYTES = 32


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Token(_Strict):
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    groups: list[str] = Field(min_length=1)


class _Group(_Strict):
    scope: str = ""


class _Proxy(_Strict):
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = Field(min_length=1)
    user_header: str = Field("Remote-User", pattern="^[A-Za-z0-9-]+$")
    groups_header: str = Field("Remote-Groups", pattern="^[A-Za-z0-9-]+$")


class _File(_Strict):
    tokens: dict[str, _Token] = {}
    groups: dict[str, _Group] = Field(min_length=1)
    proxy: _Proxy | None = None


def read_access(path: Path) -> Access:
    """Raises SettingError with the file and the place of what is wrong: what is not understood must not open a door."""
    content = read_toml(path, _File, called=f"The access file {path}", remedy="name one that this user may read", example="docs/console.md")
    for name, token in content.tokens.items():
        for group in token.groups:
            if group not in content.groups:
                raise SettingError(f"The token {name} in {path} is in group {group}, which has no entry: add [groups.{group}].")
    if not content.tokens and content.proxy is None:
        raise SettingError(f"The access file {path} lets nobody in: add a token (`weir console --new-token NAME`), or [proxy].")
    scopes = {name: _scope(path, name, group.scope) for name, group in content.groups.items()}
    tokens = {token.sha256: (name, tuple(token.groups)) for name, token in content.tokens.items()}
    proxy = content.proxy
    if proxy is None:
        return Access(False, tokens, scopes)
    return Access(False, tokens, scopes, tuple(proxy.networks), proxy.user_header.lower(), proxy.groups_header.lower())


def new_token() -> tuple[str, str]:
    """A token, which is shown once, and its SHA-256, which the file keeps."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, hashlib.sha256(token.encode()).hexdigest()


def _scope(path: Path, group: str, text: str) -> Node | None:
    try:
        node = parse(text)
    except FilterError as error:
        raise SettingError(f"The scope of group {group} in {path} cannot be used: {error}") from None
    if metrics_of(node):
        raise SettingError(f"The scope of group {group} in {path} speaks of sums: say by names, zones or ports what may be seen.")
    return node
