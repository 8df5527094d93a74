"""WEIR_CLICKHOUSE_URL taken apart. No message repeats a password."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from schemas.errors import SettingError
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


def parse_url(url: str) -> Path | Server:
    """A directory for chDB, or a server. `SettingError` for anything else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise SettingError(f"WEIR_CLICKHOUSE_URL cannot be read: write {_FORMS}.") from None
    if parts.scheme == "chdb":
        return _directory(parts)
    if parts.scheme == "clickhouse":
        return _server(parts)
    raise SettingError(f"WEIR_CLICKHOUSE_URL has the scheme {parts.scheme!r}: write {_FORMS}.")


def _directory(parts: SplitResult) -> Path:
    if parts.netloc or not parts.path.strip("/"):
        raise SettingError("WEIR_CLICKHOUSE_URL names no directory: write chdb:/// and an absolute path, as in chdb:///var/lib/weir/data.")
    if parts.query or parts.fragment:
        raise SettingError("WEIR_CLICKHOUSE_URL has something after the directory: chdb:///DIR takes no options.")
    return Path("/" + unquote(parts.path).lstrip("/"))


def _server(parts: SplitResult) -> Server:
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SettingError("WEIR_CLICKHOUSE_URL has a port that is no number up to 65535: write host:9000.") from None
    if not host:
        raise SettingError(f"WEIR_CLICKHOUSE_URL names no host: write {_FORMS}.")
    database = unquote(parts.path.strip("/")) or DATABASE
    if database != DATABASE:
        raise SettingError(
            f"WEIR_CLICKHOUSE_URL names the database {database!r}: weir's tables are in {DATABASE!r}, so end it with /{DATABASE}."
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    secure, verify = _flag(options, "secure", False), _flag(options, "verify", True)
    if options:
        raise SettingError(f"WEIR_CLICKHOUSE_URL has the option {sorted(options)[0]!r}: it takes secure and verify, each 0 or 1.")
    user = unquote(parts.username or "default")
    return Server(host, port or (9440 if secure else 9000), user, unquote(parts.password or ""), secure, verify)


def _flag(options: dict[str, str], name: str, default: bool) -> bool:
    text = options.pop(name, None)
    if text is None:
        return default
    if text.lower() not in _FLAGS:
        raise SettingError(f"WEIR_CLICKHOUSE_URL has {name}={text!r}: write {name}=1 or {name}=0.")
    return _FLAGS[text.lower()]
