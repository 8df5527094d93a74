"""Causes of a Kafka client's trouble, told apart by librdkafka's error names and texts, each with the way out.

A call that fails says only that no broker answered; why is in what the client's `error_cb` heard meanwhile. No package is imported: the
agent's client and the worker's are loaded differently, and both pass their errors as they are.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Protocol


class ClientError(Protocol):
    """As much of `confluent_kafka.KafkaError` as is needed."""

    def name(self) -> str: ...

    def str(self) -> str: ...


@dataclass(frozen=True)
class Cause:
    """`trouble` goes on after "Kafka at HOST"; `remedy` is what to do; `why` stands before the client's words."""

    trouble: str
    remedy: str
    why: str = ""


_PROTOCOL = "WEIR_KAFKA_SECURITY_PROTOCOL"
# The most telling first. A name, or words of the text, in lower case.
_KNOWN: tuple[tuple[str, Cause], ...] = (
    ("unsupported sasl mechanism", Cause("does not take the SASL mechanism", "set WEIR_KAFKA_SASL_MECHANISM to one that it has")),
    ("not valid in current sasl state", Cause("asks for no user", f"set {_PROTOCOL} to one without sasl_")),
    ("_authentication", Cause("refuses the user or its password", "check WEIR_KAFKA_SASL_USERNAME and WEIR_KAFKA_SASL_PASSWORD")),
    (
        "plaintext broker listener",
        Cause("does not speak TLS at this port", f"set {_PROTOCOL} to plaintext or sasl_plaintext, or name the TLS port"),
    ),
    (
        "wrong version number",
        Cause("does not speak TLS at this port", f"set {_PROTOCOL} to plaintext or sasl_plaintext, or name the TLS port"),
    ),
    ("mismatch", Cause("has a TLS certificate for another name", "name it in WEIR_KAFKA_BOOTSTRAP as its certificate does")),
    ("certificate", Cause("has a TLS certificate that no known CA has signed", "set WEIR_KAFKA_CA_FILE to the CA's certificate")),
    ("_ssl", Cause("does not agree with this client on TLS", "compare the TLS versions and ciphers of both")),
    ("topic_authorization_failed", Cause("refuses the user a right on a topic", "run `weir doctor`: it names the right")),
    ("group_authorization_failed", Cause("refuses the user the group", "grant READ on the consumer group that WEIR_GROUP names")),
    ("cluster_authorization_failed", Cause("refuses the user a right on the cluster", "run `weir doctor`: it names the right")),
    ("_resolve", Cause("has a name that is not known here", "check WEIR_KAFKA_BOOTSTRAP and this machine's DNS")),
    ("refused", Cause("does not answer", "check WEIR_KAFKA_BOOTSTRAP and that it runs", "nothing listens there")),
    ("unreachable", Cause("does not answer", "check WEIR_KAFKA_BOOTSTRAP and the network", "there is no way to it")),
    ("no route", Cause("does not answer", "check WEIR_KAFKA_BOOTSTRAP and the network", "there is no way to it")),
    ("_all_brokers_down", Cause("ends every connection", f"it may want TLS or a user: check {_PROTOCOL}")),
)
_SILENT = Cause("does not answer", "check WEIR_KAFKA_BOOTSTRAP, that it runs, and that no firewall is in between")
_NOISE = re.compile(r"^\S+/(?:bootstrap|\d+): |\s*\(after \d+ms in state \w+(?:, .*?)?\)")


class HeardErrors:
    """What a client's `error_cb` was told lately. `note` is that callback."""

    def __init__(self) -> None:
        self._errors: deque[tuple[str, str]] = deque(maxlen=32)

    def note(self, error: ClientError) -> None:
        self._errors.append((error.name(), error.str()))

    def forget(self) -> None:
        """The broker has answered since."""
        self._errors.clear()

    def sentence(self, bootstrap: str, error: ClientError | None = None) -> str:
        """Why Kafka there cannot be used, in the client's words, and the way out; `error`: what the call itself said."""
        heard = [*self._errors, *([] if error is None else [(error.name(), error.str())])]
        for mark, cause in _KNOWN:
            for name, text in heard:
                if mark == name.lower() or mark in text.lower():
                    return _sentence(bootstrap, cause, text)
        return _sentence(bootstrap, _SILENT, heard[-1][1] if heard else "")


def _sentence(bootstrap: str, cause: Cause, text: str) -> str:
    words = " ".join(_NOISE.sub("", text).split()).rstrip(".")
    reasons = ": ".join(filter(None, (cause.why, words[:200])))
    said = f" ({reasons})" if reasons else ""
    return f"Kafka at {bootstrap} {cause.trouble}{said}: {cause.remedy}."
