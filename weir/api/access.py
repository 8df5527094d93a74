"""Who asks, and what he may see. Loopback is open; elsewhere a token, or a proxy that is trusted by its address, says who it is."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import SettingError
from sinks.filter.parse import parse
from sinks.filter.sql import metrics_of
from sinks.filter.tree import AnyOf, FilterError, Node
from weir.api.problems import Problem

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Person:
    """`scope`: what he may see; None: everything. `groups`: those of his that the access file knows."""

    name: str
    groups: tuple[str, ...]
    scope: Node | None


@dataclass(frozen=True)
class Access:
    """`tokens`: SHA-256 in hexadecimal -> name and groups. `scopes`: of each group; None: everything. `is_open`: without a login."""

    is_open: bool
    tokens: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    scopes: Mapping[str, Node | None] = field(default_factory=dict)
    proxies: tuple[Network, ...] = ()
    user_header: str = "remote-user"
    groups_header: str = "remote-groups"

    def person(self, peer: str, headers: Mapping[str, str]) -> Person:
        """Raises Problem: 401 for a stranger, 403 for somebody without a group that is known. A claim that cannot be trusted is refused."""
        authorization = headers.get("authorization", "")
        claimed = self.user_header in headers or self.groups_header in headers
        if claimed and not self._is_proxy(peer):
            raise _stranger(f"The header {self.user_header} came from {peer}, which is no proxy of [proxy] networks in the access file.")
        if authorization:
            return self._by_token(authorization)
        if claimed:
            groups = tuple(part.strip() for part in headers.get(self.groups_header, "").split(",") if part.strip())
            return self._in_groups(headers.get(self.user_header, ""), groups)
        if self.is_open:
            return Person("", (), None)
        raise _stranger("No token was sent: add the header Authorization: Bearer TOKEN, or come through the proxy that knows you.")

    def _by_token(self, authorization: str) -> Person:
        kind, _, token = authorization.partition(" ")
        digest = hashlib.sha256(token.strip().encode("utf-8", "surrogatepass")).hexdigest()
        known = [who for stored, who in self.tokens.items() if hmac.compare_digest(stored, digest)]
        if kind.lower() != "bearer" or not known:
            raise _stranger("The token is not known: make one with `weir console --new-token NAME`, and enter it in the access file.")
        return self._in_groups(*known[0])

    def _in_groups(self, name: str, groups: tuple[str, ...]) -> Person:
        own = tuple(group for group in groups if group in self.scopes)
        if not name or not own:
            raise Problem(403, "Nothing may be seen", f"{name or 'Nobody'} is in no group of the access file: add one of his groups to it.")
        scopes = [self.scopes[group] for group in own]
        limited = [scope for scope in scopes if scope is not None]
        scope = None if len(limited) < len(scopes) else limited[0] if len(limited) == 1 else AnyOf(tuple(limited))
        return Person(name, own, scope)

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        own = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped else address
        return any(own in network for network in self.proxies)


def _stranger(detail: str) -> Problem:
    return Problem(401, "It is not known who asks", detail)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Token(_Strict):
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    groups: list[str]


class _Group(_Strict):
    scope: str = ""


class _Proxy(_Strict):
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = Field(min_length=1)
    user_header: str = "Remote-User"
    groups_header: str = "Remote-Groups"


class _File(_Strict):
    tokens: dict[str, _Token] = {}
    groups: dict[str, _Group] = {}
    proxy: _Proxy | None = None


def read_access(path: Path) -> Access:
    """Raises SettingError with the file and the place of what is wrong."""
    try:
        content = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"The access file {path} cannot be read ({error}): see docs/console.md for an example.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SettingError(f"The access file {path} is wrong at {where}: {first['msg']}. See docs/console.md for an example.") from None
    scopes = {name: _scope(path, name, group.scope) for name, group in content.groups.items()}
    tokens = {token.sha256: (name, tuple(token.groups)) for name, token in content.tokens.items()}
    proxy = content.proxy
    if proxy is None:
        return Access(False, tokens, scopes)
    return Access(False, tokens, scopes, tuple(proxy.networks), proxy.user_header.lower(), proxy.groups_header.lower())


def _scope(path: Path, group: str, text: str) -> Node | None:
    try:
        node = parse(text)
    except FilterError as error:
        raise SettingError(f"The scope of group {group} in {path} cannot be used: {error}") from None
    if metrics_of(node):
        raise SettingError(f"The scope of group {group} in {path} speaks of sums: say by names, zones or ports what may be seen.")
    return node
