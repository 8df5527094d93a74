"""The shop's name service: just enough of DNS (RFC 1035) to ask for an IPv4 address and to answer, through an alias where there is one."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

SHOP_DOMAIN = "shop.internal"
LIFETIME_SECONDS = 30
_HEAD = struct.Struct("!6H")
_RECORD = struct.Struct("!HHHIH")  # a pointer to the owner's name, type, class, lifetime, length
_A, _CNAME, _INTERNET = 1, 5, 1
_ANSWER, _NO_SUCH_NAME = 0x8180, 0x8183
_POINTER, _FIRST_NAME = 0xC000, _HEAD.size


def question(name: str, number: int) -> bytes:
    """A message that asks for the address of the name."""
    return _HEAD.pack(number, 0x0100, 1, 0, 0, 0) + _encoded(name) + struct.pack("!2H", _A, _INTERNET)


def answer(asked: bytes, addresses: Mapping[str, str], aliases: Mapping[str, str]) -> bytes:
    """The answer to a question: the address of the name, or of what it is an alias for. Raises ValueError for what is no question."""
    if len(asked) < _HEAD.size + 5:
        raise ValueError("too short for a question")
    number, (name, end) = _HEAD.unpack_from(asked)[0], _name_at(asked, _FIRST_NAME)
    said = asked[_FIRST_NAME : end + 4]
    if name not in addresses:
        return _HEAD.pack(number, _NO_SUCH_NAME, 1, 0, 0, 0) + said
    records, owner = [], _FIRST_NAME
    if name in aliases:
        target = _encoded(aliases[name])
        records.append(_RECORD.pack(_POINTER | owner, _CNAME, _INTERNET, LIFETIME_SECONDS, len(target)) + target)
        owner = _HEAD.size + len(said) + _RECORD.size
    records.append(_RECORD.pack(_POINTER | owner, _A, _INTERNET, LIFETIME_SECONDS, 4) + socket.inet_aton(addresses[name]))
    return _HEAD.pack(number, _ANSWER, 1, len(records), 0, 0) + said + b"".join(records)


def address_in(answered: bytes) -> str:
    """The address of an answer, which stands last. Raises ValueError where there is none."""
    if len(answered) < _HEAD.size or not _HEAD.unpack_from(answered)[3]:
        raise ValueError("the name service knows no such name")
    return socket.inet_ntoa(answered[-4:])


def _encoded(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


def _name_at(message: bytes, at: int) -> tuple[str, int]:
    """The name, and where it ends."""
    labels = []
    while at < len(message) and (length := message[at]):
        labels.append(message[at + 1 : at + 1 + length].decode("ascii"))
        at += 1 + length
    return ".".join(labels), at + 1
