"""One service of the demo, run inside its pod: `python -m weir.demo.services [--now] NAME ADDRESSES`.

ADDRESSES is JSON: {"checkout": ["10.77.2.1", "fd77::2:1"], ...}. The service writes a line when its ports are open, begins to
call when it reads one, falls silent when it reads another, writes a line when it has, and ends when its standard input does.
So nothing survives the demo, however the demo died, and a silent service still holds its address while the agents
finish. With --now it asks for no line: it calls as soon as its ports are open, until a signal ends it.
It imports little: ten of these run side by side.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

from weir.demo import wire
from weir.demo.names import SHOP_DOMAIN
from weir.demo.topology import SERVICES, Call, Listener, service_named

Peers = dict[str, tuple[str, str]]
POOL_CONNECTIONS = 4
RETRY_SECONDS = 0.25
FAILURES = (OSError, EOFError, TimeoutError)  # a caller's daily bread: the next call is another try


async def serve(listener: Listener, peers: Peers, stop: asyncio.Event, ready: asyncio.Event) -> None:
    """Answers on one port until told to stop; `ready` is set when it is open. Connections under way are answered to their end."""
    if listener.protocol == "dns":
        await _serve_names(listener, peers, stop, ready)
        return
    while not stop.is_set():
        open_until = listener.pause_every - listener.pause_for if listener.pause_every else None
        await _serve_streams(listener, stop, ready, open_until)
        await _pause(stop, listener.pause_for)


async def call_steadily(call: Call, peers: Peers, stop: asyncio.Event) -> None:
    """Calls at the call's rate until told to stop; what fails is not repeated."""
    host = peers[call.to][0 if call.ip_version == 4 else 1]
    if call.protocol == "sql":
        share = call.rate / POOL_CONNECTIONS
        await asyncio.gather(*(_pooled(call, host, share, stop) for _ in range(POOL_CONNECTIONS)))
        return
    await _at_rate(call.rate, stop, _one(call, host, peers))


def _one(call: Call, host: str, peers: Peers) -> Callable[[], Awaitable[object]]:
    if call.protocol == "dns":
        return lambda: wire.dns_call(host, call)
    domain = next((service.domain for service in SERVICES if service.name == call.to), "")
    if domain:
        return lambda: wire.named_call(peers["dns"][0], domain, call)
    return lambda: wire.http_call(host, call)


async def run(name: str, peers: Peers, at_once: bool) -> None:
    """The whole service: its ports, its calls, and obedience to its input, or none of that where it calls at once."""
    service, stop, orders = service_named(name), asyncio.Event(), _go() if at_once else await _input()
    doors = [asyncio.Event() for _ in service.listens]
    async with asyncio.TaskGroup() as group:
        for listener, door in zip(service.listens, doors, strict=True):
            group.create_task(serve(listener, peers, stop, door))
        for door in doors:
            await door.wait()
        _write("ready")
        if await orders.readline():
            for call in service.calls:
                group.create_task(call_steadily(call, peers, stop))
            await orders.readline()
        stop.set()
    _write("silent")
    await orders.read()


async def _serve_streams(listener: Listener, stop: asyncio.Event, ready: asyncio.Event, seconds: float | None) -> None:
    answer = wire.http_answer if listener.protocol == "http" else wire.sql_answer
    under_way: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        with suppress(*FAILURES):
            await answer(reader, writer, listener)
        await wire.close(writer)

    server = await asyncio.start_server(accept, None, listener.port)
    ready.set()
    await _pause(stop, seconds)
    loop = asyncio.get_running_loop()
    for door in server.sockets:
        loop.remove_reader(door.fileno())
    await asyncio.sleep(0)  # asyncio leaves a connection open and unanswered that it accepted just before its server was closed
    server.close()
    if under_way:
        await asyncio.wait(under_way, timeout=2.0)


async def _serve_names(listener: Listener, peers: Peers, stop: asyncio.Event, ready: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    aliases = {service.domain: service.alias for service in SERVICES if service.alias}
    addresses = {service.domain or f"{service.name}.{SHOP_DOMAIN}": peers[service.name][0] for service in SERVICES if service.name in peers}
    anywhere = ("0.0.0.0", listener.port)  # noqa: S104 in a namespace of its own
    transport, _ = await loop.create_datagram_endpoint(lambda: wire.DnsAnswers(addresses, aliases), local_addr=anywhere)
    ready.set()
    await stop.wait()
    transport.close()


async def _pooled(call: Call, host: str, rate: float, stop: asyncio.Event) -> None:
    """One connection of a pool, opened again should it break."""
    while not stop.is_set():
        with suppress(*FAILURES):
            reader, writer = await asyncio.open_connection(host, call.port)
            try:
                await _at_rate(rate, stop, lambda r=reader, w=writer: wire.sql_call(r, w, call.request_bytes), careful=False)  # type: ignore[misc]
                writer.write_eof()
                await reader.read()
            finally:
                await wire.close(writer)
        await _pause(stop, RETRY_SECONDS)


async def _at_rate(rate: float, stop: asyncio.Event, one: Callable[[], Awaitable[object]], careful: bool = True) -> None:
    """Calls `one` at even distances; with `careful` a failed call is passed over, without it raised."""
    failures = FAILURES if careful else ()
    loop = asyncio.get_running_loop()
    due = loop.time()
    while not await _pause(stop, due - loop.time()):
        with suppress(*failures):
            await one()
        due = max(due + 1 / rate, loop.time())


async def _pause(stop: asyncio.Event, seconds: float | None) -> bool:
    """Waits that many seconds (None: without end) or until the stop event. Returns whether it was set."""
    if seconds is None or seconds > 0:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


def _write(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def _input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _go() -> asyncio.StreamReader:
    """Input with the first line alone."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"go\n")
    return reader


def main() -> None:
    *options, name, addresses = sys.argv[1:]
    peers = {peer: (four, six) for peer, (four, six) in json.loads(addresses).items()}
    asyncio.run(run(name, peers, at_once="--now" in options))


if __name__ == "__main__":
    main()
