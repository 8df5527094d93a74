"""One dead letter in full: where it came from, why it is here, its bytes, and its fields as far as they can be read."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from schemas.errors import Unreadable, WeirError
from schemas.instants import format_instant
from weir.output.tables import printable

if TYPE_CHECKING:
    from schemas.wire.framing import Framed, Framer
    from weir.dead_letter.letters import Letter

ROW_BYTES = 16


def as_text(letter: Letter, framer: Framer) -> str:
    """For people: what is said about it, then its fields, then all its bytes."""
    said = {**_about(letter), **{f"header {name}": _shown(value) for name, value in letter.headers}}
    lines = [f"{name}: {printable(str(value))}" for name, value in said.items()]
    return "\n".join([*lines, "", *map(printable, _fields(letter, framer)), "", *hex_dump(letter.value)])


def as_json(letter: Letter, framer: Framer) -> str:
    """One object; bytes in base64, because they may be anything."""
    headers = [[name, _base64(value)] for name, value in letter.headers]
    whole = {"headers": headers, "key_base64": _base64(letter.key), "value_base64": _base64(letter.value)}
    return orjson.dumps({**_about(letter), **whole, "fields": list(_fields(letter, framer))}).decode()


def _about(letter: Letter) -> dict[str, Any]:
    return {
        "letter": letter.name,
        "at": format_instant(letter.at_us),
        "source": str(letter.source or ""),
        "first": str(letter.first or ""),
        "reason": letter.reason,
        "key": _shown(letter.key),
        "bytes": letter.size,
    }


def _fields(letter: Letter, framer: Framer) -> Iterator[str]:
    """A batch as lines of a recording; another record, or a batch that breaks a rule, as its Avro fields; or why neither can be."""
    from schemas.recording.write import format_batch
    from schemas.wire.codec import decode_batch

    try:
        framed = framer.unframe(letter.value)
    except WeirError as error:
        yield f"not decoded: {error}"
        return
    yield f"schema {framed.name}, fingerprint {framed.writer.fingerprint.hex()}"
    try:
        for line in format_batch(decode_batch(framed.body, framed.writer)):
            yield line.decode().rstrip("\n")
    except WeirError:
        yield _avro_fields(framed)


def _avro_fields(framed: Framed) -> str:
    from schemas.wire.codec import decode_as_written

    try:
        record = decode_as_written(framed)
    except Unreadable as error:
        return f"not decoded: {error}"
    return orjson.dumps(record, default=_base64, option=orjson.OPT_NON_STR_KEYS).decode()


def hex_dump(data: bytes) -> Iterator[str]:
    """Offset, sixteen bytes, and what of them is plain text."""
    for start in range(0, len(data), ROW_BYTES):
        row = data[start : start + ROW_BYTES]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{start:08x}  {row.hex(' '):<{3 * ROW_BYTES}} {text}"


def _shown(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
