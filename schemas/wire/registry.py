"""A schema registry, through the client that confluent-kafka brings: the two calls that framing needs.

The client is 25 MB of a process's memory once it is imported, which happens at the first call: agents make theirs in a child
(`producers/publish/registry.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlunsplit

from schemas.errors import SettingError, Unavailable
from schemas.urls import scheme_of, split_url

_TIMEOUT_SECONDS = 10


def read_registry_url(url: str) -> SplitResult:
    """Its parts. ValueError with half a sentence that repeats none but the scheme."""
    if scheme_of(url) not in ("http", "https"):
        raise ValueError(f"it has the scheme {scheme_of(url)!r}; write it as http://host:8081")
    parts = split_url(url)
    if not parts.hostname:
        raise ValueError("it names no host; write it as http://host:8081")
    return parts


@dataclass(frozen=True)
class RegistryAddress:
    """`url` like https://user:password@registry:8081/prefix. `ca_file`: certificates of those who sign its own; empty: the system's."""

    url: str
    ca_file: str = ""


class ConfluentRegistry:
    """Blocks, for ten seconds a call at most. Raises SettingError for the address."""

    def __init__(self, address: RegistryAddress) -> None:
        try:
            self._parts = read_registry_url(address.url)
        except ValueError as error:
            raise SettingError(f"WEIR_SCHEMA_REGISTRY_URL is not usable: {error}.") from None
        self._ca_file = address.ca_file
        self._made: Any = None

    def register(self, subject: str, schema: str) -> int:
        from confluent_kafka.schema_registry import Schema

        try:
            return int(self._client().register_schema(subject, Schema(schema, "AVRO")))
        except Exception as error:
            raise self._unavailable(f"take schema {subject}", error) from error

    def get_schema(self, schema_id: int) -> str | None:
        try:
            return str(self._client().get_schema(schema_id).schema_str)
        except Exception as error:
            if getattr(error, "http_status_code", 0) == 404:
                return None
            raise self._unavailable(f"give schema {schema_id}", error) from error

    def _client(self) -> Any:
        if self._made is None:
            from confluent_kafka.schema_registry import SchemaRegistryClient

            self._made = SchemaRegistryClient(self._config())
        return self._made

    def _config(self) -> dict[str, Any]:
        parts = self._parts
        bare = parts.netloc.rpartition("@")[2]
        config: dict[str, Any] = {"url": urlunsplit((parts.scheme, bare, parts.path.rstrip("/"), "", "")), "timeout": _TIMEOUT_SECONDS}
        config["max.retries"] = 0  # whoever asks waits and asks again
        if parts.username is not None:
            config["basic.auth.user.info"] = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        if self._ca_file:
            config["ssl.ca.location"] = self._ca_file
        return config

    def _unavailable(self, what: str, error: Exception) -> Unavailable:
        """Without user and password."""
        host, port = self._parts.hostname, self._parts.port
        name = f"{host}:{port}" if port else str(host)
        status = getattr(error, "http_status_code", None)
        if status is not None and status > 0:
            said = ascii(getattr(error, "error_message", "") or "nothing said")[:200]
            return Unavailable(f"The schema registry {name} did not {what} (status {status}: {said}).")
        return Unavailable(f"The schema registry {name} does not answer as one ({type(error).__name__}: {error}); check its URL.")
