"""DNS answers: built as servers build them, and read by the rules of bpf/dns.h in plain Python."""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

A, CNAME, TXT, AAAA, IN = 1, 5, 16, 28, 1
HEADER, MOST_BYTES, MOST_ADDRESSES = 12, 4096, 64
RESPONSE = 0x8180
INNER = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3 ".split()
            + "::/32 fc00::/7 fe80::/10 ff00::/8".split()
        ),
    )
)


@dataclass(frozen=True)
class Record:
    """`data`: an address or a name as text, or bytes."""

    owner: str
    kind: int
    data: str | bytes
    ttl: int = 300
    of_class: int = IN


def packed_name(name: str) -> bytes:
    labels = [label.encode("latin-1") for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


class _Writer:
    def __init__(self, compress: bool) -> None:
        self.out = bytearray()
        self._compress = compress
        self._known: dict[str, int] = {}

    def name(self, name: str) -> None:
        rest = name
        while rest:
            if self._compress and rest.lower() in self._known:
                self.out += struct.pack("!H", 0xC000 | self._known[rest.lower()])
                return
            self._known.setdefault(rest.lower(), len(self.out))
            label, _, rest = rest.partition(".")
            self.out += bytes([len(label)]) + label.encode("latin-1")
        self.out.append(0)


def answer(
    name: str,
    records: Iterable[Record],
    *,
    kind: int = A,
    number: int = 0,
    flags: int = RESPONSE,
    of_class: int = IN,
    compress: bool = True,
    questions: int = 1,
    count: int | None = None,
) -> bytes:
    """A whole message. `count`: the number of records that the header claims, if another than there are."""
    rows = list(records)
    writer = _Writer(compress)
    writer.out += struct.pack("!6H", number, flags, questions, len(rows) if count is None else count, 0, 0)
    writer.name(name)
    writer.out += struct.pack("!HH", kind, of_class)
    for record in rows:
        writer.name(record.owner)
        writer.out += struct.pack("!HHIH", record.kind, record.of_class, record.ttl, 0)
        begun = len(writer.out)
        if isinstance(record.data, bytes):
            writer.out += record.data
        elif record.kind == CNAME:
            writer.name(record.data)
        else:
            writer.out += ipaddress.ip_address(record.data).packed
        struct.pack_into("!H", writer.out, begun - 2, len(writer.out) - begun)
    return bytes(writer.out)


class Broken(Exception):
    """The message breaks a rule."""


def read(message: bytes) -> list[tuple[str, bytes, int]]:
    """Name, address of 16 bytes and TTL of each public address that a message gives the name asked for.

    None of a message that is no such answer.
    """
    try:
        return [found for found in _read(message) if is_public(found[1])]
    except (Broken, IndexError, struct.error):
        return []


def is_public(address: bytes) -> bool:
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.IPv6Address(address)
    ip = ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip
    return not any(ip in network for network in INNER)


def _read(message: bytes) -> list[tuple[str, bytes, int]]:
    if len(message) > MOST_BYTES:
        return []
    _, flags, questions, count, _, _ = struct.unpack_from("!6H", message)
    if flags & 0xFA0F != 0x8000 or questions != 1:
        return []
    name, at = _question(message)
    kind, of_class = struct.unpack_from("!HH", message, at)
    if kind not in (A, AAAA) or of_class != IN:
        return []
    return _records(message, name, at + 4, count, kind)


def _question(message: bytes) -> tuple[str, int]:
    labels, at = [], HEADER
    while size := message[at]:
        label = message[at + 1 : at + 1 + size]
        if size > 63 or len(label) != size or not re.fullmatch(rb"[A-Za-z0-9_-]+", label):
            raise Broken
        labels.append(label.decode().lower())
        at += 1 + size
    if not labels or at + 1 - HEADER > 255:
        raise Broken
    return ".".join(labels), at + 1


def _records(message: bytes, name: str, at: int, count: int, wanted: int) -> list[tuple[str, bytes, int]]:
    found, in_force = [], HEADER
    for _ in range(count):
        owner, at = at, _end(message, at)
        kind, of_class, ttl, size = struct.unpack_from("!HHIH", message, at)
        data, at = at + 10, at + 10 + size
        if at > len(message):
            raise Broken
        if of_class != IN or kind not in (CNAME, wanted):
            continue
        if kind == wanted and size != (4 if wanted == A else 16):
            raise Broken
        if any(one != other for one, other in zip_longest(_stream(message, owner), _stream(message, in_force))):
            continue
        if kind == CNAME:
            if _end(message, data) != at:
                raise Broken
            in_force = data
        elif len(found) < MOST_ADDRESSES:
            found.append((name, bytes(10) * (wanted == A) + b"\xff\xff" * (wanted == A) + message[data:at], ttl))
    return found


def _end(message: bytes, at: int) -> int:
    """Where a name's own bytes end: behind its zero or its first pointer."""
    while size := message[at]:
        if size >= 0xC0:
            if at + 2 > len(message):
                raise Broken
            return at + 2
        if size > 63:
            raise Broken
        at += 1 + size
    return at + 1


def _stream(message: bytes, at: int) -> Iterator[int]:
    """A name's bytes, pointers followed, letters in lower case."""
    seen: set[int] = set()
    while True:
        size = message[at]
        if size >= 0xC0:
            target = (size & 0x3F) << 8 | message[at + 1]
            if at in seen or not HEADER <= target < at:
                raise Broken
            seen.add(at)
            at = target
            continue
        if size > 63:
            raise Broken
        yield size
        if not size:
            return
        for offset in range(1, size + 1):
            yield message[at + offset : at + offset + 1].lower()[0]
        at += 1 + size


def lines(messages: Sequence[bytes]) -> str:
    """Rounds for `name_server.py ask`: each message is asked for under its own id."""
    return "".join(f"{message[:2].hex()} {message.hex()}\n" for message in messages)
