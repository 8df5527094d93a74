"""What the rules of all kinds share: a client's contact with an end, and a sighting made of what a rule has found."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from schemas.records.finding import FindingKey, SecurityKind, Severity, Sighting

SHOWN = 10
"""Evidence names so many of a kind, and says how many there are."""
US = 1_000_000


@dataclass(frozen=True)
class Contact:
    """One client's traffic with one end and port. `server`: a workload or a service; empty: an external end, with its `domain` if known.

    `address`: of the server or the external end, as text. `at_s`: the first window. `since_s`: since when the client has the address
    that it calls from, the longest-held of several; 0: not known. UTC seconds.
    """

    network: str
    client: str
    server: str
    domain: str
    address: str
    service_port: int
    opened: int
    failed: int
    bytes_sent: int
    bytes_received: int
    at_s: int
    since_s: int = 0

    @property
    def end(self) -> str:
        """What the end is called; an address is all that is known of some."""
        return self.server or self.domain or self.address


COLUMNS = tuple(Contact.__annotations__)


def contacts_of(table: pa.Table) -> tuple[Contact, ...]:
    """`table`: columns that are called as the fields; others are left."""
    return tuple(Contact(**row) for row in table.select([name for name in COLUMNS if name in table.column_names]).to_pylist())


@dataclass(frozen=True)
class Seen:
    """The windows that show a finding, in UTC seconds, half open, and what is counted of it."""

    start_s: int
    end_s: int
    count: int


def sighting(key: FindingKey, severity: Severity, seen: Seen, sentence: str, evidence: Mapping[str, object]) -> Sighting:
    told = json.dumps({"sentence": sentence, **evidence}, separators=(",", ":"), ensure_ascii=False)
    return Sighting(key, severity, seen.start_s * US, seen.end_s * US, seen.count, told)


def key_of(kind: SecurityKind, network: str, subject: str, peer: str = "", service_port: int = 0) -> FindingKey:
    return FindingKey(kind, network, subject, peer, service_port)


def first_of(names: Sequence[str]) -> list[str]:
    """The first names in the order of the alphabet, each once."""
    return sorted(set(names))[:SHOWN]


def spoken(names: Sequence[str]) -> str:
    """Some names as a part of a sentence."""
    known = sorted(set(names))
    return ", ".join(known[:3]) + (f" and {len(known) - 3} more" if len(known) > 3 else "")
