"""Settings in the words of Kafka's clients, and clear sentences for when Kafka is not there."""

from __future__ import annotations

import logging
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from schemas.errors import SettingError, Unavailable
from schemas.kafka_causes import HeardErrors

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings


_HEARD: defaultdict[str, HeardErrors] = defaultdict(HeardErrors)
"""By bootstrap: what the last client was told that was made for it."""


def require_kafka(settings: Settings) -> Settings:
    """The settings, if they name a Kafka."""
    if not settings.kafka_bootstrap:
        raise SettingError("WEIR_KAFKA_BOOTSTRAP is empty, and only `weir demo` brings its own Kafka: set it to host:port of a broker.")
    return settings


def security_config(settings: Settings) -> dict[str, str]:
    """librdkafka's security settings; empty for plaintext."""
    protocol = settings.kafka_security_protocol
    config: dict[str, str] = {} if protocol == "plaintext" else {"security.protocol": protocol}
    if protocol.startswith("sasl_"):
        config["sasl.mechanism"] = settings.kafka_sasl_mechanism
        config["sasl.username"] = settings.kafka_sasl_username
        config["sasl.password"] = settings.kafka_sasl_password
    if protocol.endswith("ssl") and settings.kafka_ca_file:
        config["ssl.ca.location"] = str(settings.kafka_ca_file)
    return config


def client_config(settings: Settings, **more: Any) -> dict[str, Any]:
    """What every client of confluent-kafka gets."""
    heard, own = _HEARD[settings.kafka_bootstrap], more.pop("error_cb", None)
    heard.forget()

    def note(error: Any) -> None:
        heard.note(error)
        if own is not None:
            own(error)

    usual = {"bootstrap.servers": settings.kafka_bootstrap, "log_level": 2, "error_cb": note}
    return {**usual, **security_config(settings), **more}


def quiet_logger() -> logging.Logger:
    """Logger for a client's own lines (one a refused connection): for debugging; errors that matter are raised."""
    logger = logging.getLogger("weir.kafka.client")
    logger.setLevel(logging.CRITICAL)
    return logger


def kafka_unavailable(bootstrap: str, error: Exception, client: Any = None) -> Unavailable:
    """The sentence for a Kafka that did not answer or refused `client`, which was made with `client_config`."""
    if client is not None:
        with suppress(Exception):
            client.poll(0)  # `error_cb` is called here
    inner = error.args[0] if error.args and hasattr(error.args[0], "name") else None
    return Unavailable(_HEARD[bootstrap].sentence(bootstrap, inner))


def kafka_reason(error: Exception) -> str:
    """The client's own words, without its nested code."""
    inner = error.args[0] if error.args else error
    text = inner.str() if hasattr(inner, "str") else str(inner)
    return " ".join(str(text).split()).rstrip(".")
