"""What the demo's services say to each other: just enough HTTP/1.1, a database-like exchange, and questions for names.

Every connection is closed from both ends in turn: the caller says that it is done, reads to the end, and only then lets go.
So each packet still belongs to a socket when it is sent, and both sides count the same.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from weir.demo import names
from weir.demo.topology import Call, Listener

DNS_PORT = 53
_LENGTH = struct.Struct("!I")
CHUNK = 65_536
CONNECT_SECONDS = 2.5
"""Long enough for a second try of the kernel's, a second after the first."""
PATIENT_SECONDS = 4.0
"""And for a third, two seconds later: on the internet packets get lost."""


async def http_call(host: str, call: Call, patience: float = CONNECT_SECONDS) -> None:
    """One request on a connection of its own. Raises OSError, EOFError or TimeoutError if the other side does not play along."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection(host, call.port), patience)
    try:
        head = f"POST /{call.to} HTTP/1.1\r\nHost: {call.to}\r\nContent-Length: {call.request_bytes}\r\n\r\n"
        writer.write(head.encode() + bytes(call.request_bytes))
        writer.write_eof()
        await _read_to_end(reader)
    finally:
        await close(writer)


async def http_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener: Listener) -> None:
    """Answers one request, once it has arrived whole."""
    await _read_to_end(reader)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {listener.answer_bytes}\r\n\r\n"
    writer.write(head.encode() + bytes(listener.answer_bytes))


async def sql_call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request_bytes: int) -> None:
    """One statement and its result on a connection that stays: four bytes of length, then as many bytes, both ways."""
    writer.write(_LENGTH.pack(request_bytes) + bytes(request_bytes))
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    await reader.readexactly(length)


async def sql_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener: Listener) -> None:
    """Answers statements until the caller is done."""
    while head := await reader.read(_LENGTH.size):
        if len(head) < _LENGTH.size:
            head += await reader.readexactly(_LENGTH.size - len(head))
        await reader.readexactly(_LENGTH.unpack(head)[0])
        writer.write(_LENGTH.pack(listener.answer_bytes) + bytes(listener.answer_bytes))


class DnsAnswers(asyncio.DatagramProtocol):
    """An answer for every question: `addresses` by name, and `aliases`, which have the address of the name that they stand for."""

    def __init__(self, addresses: Mapping[str, str], aliases: Mapping[str, str]) -> None:
        self._addresses, self._aliases = addresses, aliases

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        with suppress(ValueError):
            self._transport.sendto(names.answer(data, self._addresses, self._aliases), address)


class DnsAnswer(asyncio.DatagramProtocol):
    """Waits for one datagram."""

    def __init__(self) -> None:
        self.arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if not self.arrived.done():
            self.arrived.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self.arrived.done():
            self.arrived.set_exception(error)


async def dns_call(host: str, call: Call) -> bytes:
    """One question from a port of its own; the answer. Raises TimeoutError if none comes within a second."""
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(DnsAnswer, remote_addr=(host, call.port))
    try:
        transport.sendto(names.question(call.asks, 7))
        return await asyncio.wait_for(protocol.arrived, 1.0)
    finally:
        transport.close()


async def named_call(name_service: str, domain: str, call: Call) -> None:
    """`http_call` to the address that the name service gives for the domain. Raises as that does, and OSError where there is none."""
    answered = await dns_call(name_service, Call("dns", DNS_PORT, "dns", call.rate, 0, asks=domain))
    try:
        address = names.address_in(answered)
    except ValueError as error:
        raise OSError(str(error)) from error
    await http_call(address, call, PATIENT_SECONDS)


async def close(writer: asyncio.StreamWriter) -> None:
    """Closes and waits until it is closed, whatever the other side did before."""
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return


async def _read_to_end(reader: asyncio.StreamReader) -> None:
    while await reader.read(CHUNK):
        pass
