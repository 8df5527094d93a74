"""Who asks, and what he may see. Loopback is open; elsewhere a token, or a proxy that is trusted by its address, says who it is."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from starlette.datastructures import Headers

from sinks.filter.tree import AnyOf, Node
from weir.api.problems import Problem

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Way = Literal["open", "token", "proxy"]


@dataclass(frozen=True)
class Person:
    """`way`: how it is known who he is. `scope`: what he may see; None: everything. `groups`: those of his that the access file knows."""

    way: Way
    name: str
    groups: tuple[str, ...]
    scope: Node | None

    @property
    def owner(self) -> str:
        """Whose a saved view is. A token and a user of the proxy may have one name, and are two."""
        return f"{self.way}:{self.name}"


@dataclass(frozen=True)
class Access:
    """`is_open`: without a login. `tokens`: SHA-256 in hexadecimal -> name and groups. `scopes`: of each group; None: everything."""

    is_open: bool
    tokens: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    scopes: Mapping[str, Node | None] = field(default_factory=dict)
    proxies: tuple[Network, ...] = ()
    user_header: str = "remote-user"
    groups_header: str = "remote-groups"

    @property
    def ways(self) -> tuple[Way, ...]:
        """How one can become known here."""
        if self.is_open:
            return ("open",)
        return (*(("token",) if self.tokens else ()), *(("proxy",) if self.proxies else ()))

    def person(self, peer: str, headers: Headers) -> Person:
        """Raises Problem: 401 for a stranger, 403 for somebody without a group that is known. A claim that cannot be trusted is refused."""
        users, groups = headers.getlist(self.user_header), headers.getlist(self.groups_header)
        if (users or groups) and not self._is_proxy(peer):
            raise self._stranger(f"The header {self.user_header} came from {peer}, which is in no network of [proxy] in the access file.")
        if len(users) > 1 or len(groups) > 1:
            raise self._stranger(f"The header {self.user_header} came twice: the proxy must replace what its clients send, not add to it.")
        if users and users[0].strip():
            named = tuple(part.strip() for part in "".join(groups).split(",") if part.strip())
            return self._in_groups("proxy", users[0].strip(), named)
        if "authorization" in headers:
            return self._by_token(headers["authorization"])
        if self.is_open:
            return Person("open", "", (), None)
        raise self._stranger("No token was sent: add the header Authorization: Bearer TOKEN, or come through the proxy that knows you.")

    def _by_token(self, authorization: str) -> Person:
        kind, _, token = authorization.partition(" ")
        digest = hashlib.sha256(token.strip().encode("utf-8", "surrogatepass")).hexdigest()
        known = [who for stored, who in self.tokens.items() if hmac.compare_digest(stored, digest)]
        if kind.lower() != "bearer" or not known:
            raise self._stranger("The token is not known: make one with `weir console --new-token NAME`, and enter it in the access file.")
        return self._in_groups("token", *known[0])

    def _in_groups(self, way: Way, name: str, groups: tuple[str, ...]) -> Person:
        own = tuple(dict.fromkeys(group for group in groups if group in self.scopes))
        if not own:
            raise Problem(403, "Nothing may be seen", f"{name} is in no group of the access file: add one of his groups to it.")
        scopes = [self.scopes[group] for group in own]
        limited = [scope for scope in scopes if scope is not None]
        scope = None if len(limited) < len(scopes) else limited[0] if len(limited) == 1 else AnyOf(tuple(limited))
        return Person(way, name, own, scope)

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        own = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped else address
        return any(own in network for network in self.proxies)

    def _stranger(self, detail: str) -> Problem:
        return Problem(401, "It is not known who asks", detail, ways=list(self.ways))


OPEN = Access(is_open=True)
