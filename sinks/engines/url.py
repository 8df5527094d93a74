"""WEIR_CLICKHOUSE_URL taken apart. No message repeats what may be a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote

from schemas.errors import SettingError
from schemas.urls import scheme_of, split_url
from sinks.engines.base import DATABASE

_FORMS = "chdb:///DIR or clickhouse://user:password@host:9000/weir?secure=1"
_FLAGS = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True)
class Server:
    """A server behind the native protocol."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    secure: bool
    verify: bool

    @property
    def name(self) -> str:
        return f"ClickHouse at {self.host}:{self.port}"


def parse_url(url: str, setting: str = "WEIR_CLICKHOUSE_URL") -> Path | Server:
    """A directory for chDB, or a server. `SettingError`, which names the setting, for anything else."""
    try:
        return read_url(url)
    except ValueError as error:
        raise SettingError(f"{setting} is not usable: {error}.") from None


def read_url(url: str) -> Path | Server:
    """The same, with half a sentence in a ValueError."""
    scheme = scheme_of(url)
    if scheme not in ("chdb", "clickhouse"):
        raise ValueError(f"it has the scheme {scheme!r}; write {_FORMS}")
    parts = split_url(url)
    return _directory(parts) if scheme == "chdb" else _server(parts)


def _directory(parts: SplitResult) -> Path:
    if parts.netloc or not parts.path.strip("/"):
        raise ValueError("it names no directory; write chdb:/// and an absolute path, as in chdb:///var/lib/weir/data")
    if parts.query or parts.fragment:
        raise ValueError("it has something after the directory; chdb:///DIR takes no options")
    return Path("/" + unquote(parts.path).lstrip("/"))


def _server(parts: SplitResult) -> Server:
    if not parts.hostname:
        raise ValueError(f"it names no host; write {_FORMS}")
    if (unquote(parts.path.strip("/")) or DATABASE) != DATABASE:
        raise ValueError(f"it names another database than {DATABASE!r}, where weir's tables are; end it with /{DATABASE}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    secure, verify = _flag(options, "secure", False), _flag(options, "verify", True)
    if options or parts.fragment:
        raise ValueError("it has another option than secure and verify, each 0 or 1")
    user = unquote(parts.username or "default")
    return Server(parts.hostname, parts.port or (9440 if secure else 9000), user, unquote(parts.password or ""), secure, verify)


def _flag(options: dict[str, str], name: str, default: bool) -> bool:
    text = options.pop(name, None)
    if text is None:
        return default
    if text.lower() not in _FLAGS:
        raise ValueError(f"its option {name} is neither 0 nor 1; write {name}=1 or {name}=0")
    return _FLAGS[text.lower()]
