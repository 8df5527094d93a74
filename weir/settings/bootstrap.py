"""Lists of brokers, `host:port,host:port`."""

from __future__ import annotations


def check_bootstrap(text: str) -> str:
    """The list as it was given. ValueError with one sentence that names the part at fault."""
    check_no_credentials(text)
    for server in filter(None, (part.strip() for part in text.split(","))):
        host, colon, port = server.rpartition(":")
        if not (colon and host and port.isdigit() and 0 < int(port) < 65_536):
            raise ValueError(f"{server!r} is not host:port; write it as broker-1:9092,broker-2:9092")
    return text


def check_no_credentials(text: str) -> None:
    """ValueError, which does not repeat the text, where it looks like URLs: these may hold a password."""
    if "@" in text or "://" in text:
        raise ValueError(
            "it holds '@' or '://'; write broker-1:9092 alone, and user and password in WEIR_KAFKA_SASL_USERNAME and _PASSWORD"
        )
