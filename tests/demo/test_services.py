"""The shop by itself, without kernel or Kafka: who stops when, and whether what is said is answered."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.support.processes import PATIENCE
from weir.demo import services, wire
from weir.demo.plan import free_port
from weir.demo.topology import NODES, SERVICES, ZONES, Call, Listener, Service, service_named, stop_order


def test_every_call_has_a_listener_that_speaks_its_protocol() -> None:
    for service in SERVICES:
        for call in service.calls:
            listeners = {listener.port: listener for listener in service_named(call.to).listens}
            assert listeners[call.port].protocol == call.protocol


def test_the_shop_has_what_the_demo_promises() -> None:
    calls = [call for service in SERVICES for call in service.calls]
    assert len(NODES) >= 3
    assert {call.protocol for call in calls} == {"http", "sql", "dns"}
    assert {call.ip_version for call in calls} == {4, 6}
    assert any(listener.pause_for for service in SERVICES for listener in service.listens)
    assert any(listener.silent for service in SERVICES for listener in service.listens)
    assert any(service.drops for service in SERVICES)
    assert set(NODES) == set(ZONES) and len(set(ZONES.values())) > 1
    assert any(service_named(call.to).domain for call in calls)
    across = [service for service in SERVICES for call in service.calls if service_named(call.to).node != service.node]
    assert len(across) > 5


def test_callers_stop_before_whom_they_call() -> None:
    order = stop_order()
    assert sorted(order) == sorted(service.name for service in SERVICES)
    for service in SERVICES:
        for call in service.calls:
            assert order.index(service.name) < order.index(call.to)


@pytest.mark.parametrize("protocol", ["http", "sql", "dns"])
def test_calls_are_answered_until_told_to_stop(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    listener = Listener(port, protocol, 997)  # type: ignore[arg-type]
    call = Call("peer", port, protocol, 200.0, 101)  # type: ignore[arg-type]
    peers = {"peer": ("127.0.0.1", "::1")}

    async def scenario() -> None:
        stop, stop_serving, ready, answered = asyncio.Event(), asyncio.Event(), asyncio.Event(), asyncio.Semaphore(0)
        _release_on_answer(monkeypatch, protocol, answered)
        async with asyncio.TaskGroup() as group:
            group.create_task(services.serve(listener, peers, stop_serving, ready))
            await ready.wait()
            group.create_task(services.call_steadily(call, peers, stop))
            for _ in range(23):
                await answered.acquire()
            stop.set()
            await asyncio.sleep(0)
            stop_serving.set()

    asyncio.run(asyncio.wait_for(scenario(), 20.0 * PATIENCE))


def test_who_was_accepted_at_the_last_moment_is_answered() -> None:
    port = free_port()

    async def scenario() -> list[bytes]:
        stop, ready, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
        serving = asyncio.create_task(services.serve(Listener(port, "http", 997), {}, stop, ready))
        await ready.wait()
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]  # in the backlog: the loop has not run since
        await asyncio.sleep(0)
        stop.set()  # at work in the loop's next turn, which is the one after they are accepted
        answers = []
        for caller in callers:
            caller.shutdown(socket.SHUT_WR)
            caller.setblocking(False)
            answers.append(await asyncio.wait_for(loop.sock_recv(caller, 1_000), 5.0 * PATIENCE))
            caller.close()
        await serving
        return answers

    assert all(answer.startswith(b"HTTP/1.1 200") for answer in asyncio.run(scenario()))


def test_a_paused_listener_refuses() -> None:
    port = free_port()

    async def outcomes() -> set[bool]:
        stop, seen = asyncio.Event(), set()
        task = asyncio.create_task(services.serve(Listener(port, "http", 11, pause_every=0.4, pause_for=0.2), {}, stop, asyncio.Event()))
        end = time.monotonic() + 10.0 * PATIENCE
        while seen != {True, False} and time.monotonic() < end:
            try:
                await wire.http_call("127.0.0.1", Call("peer", port, "http", 1.0, 13))
                seen.add(True)
            except ConnectionRefusedError:
                seen.add(False)
            await asyncio.sleep(0.02)
        stop.set()
        await task
        return seen

    assert asyncio.run(outcomes()) == {True, False}


def test_a_service_that_is_told_so_calls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    service = Service("caller", "node", calls=(Call("peer", port, "http", 50.0, 13),))
    monkeypatch.setattr(services, "service_named", lambda name: service)

    async def called() -> None:
        arrived = asyncio.Event()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await wire.http_answer(reader, writer, Listener(port, "http", 11))
            await wire.close(writer)
            arrived.set()

        async with await asyncio.start_server(accept, "127.0.0.1", port):
            running = asyncio.create_task(services.run("caller", {"peer": ("127.0.0.1", "::1")}, at_once=True))
            await arrived.wait()
            while not running.done():  # wait_for may swallow a cancellation
                running.cancel()
                await asyncio.wait([running], timeout=0.1)

    asyncio.run(asyncio.wait_for(called(), 20.0 * PATIENCE))


def _release_on_answer(monkeypatch: pytest.MonkeyPatch, protocol: str, answered: asyncio.Semaphore) -> None:
    original: Callable[..., Awaitable[object]] = getattr(wire, f"{protocol}_call")

    async def counted(*arguments: object) -> object:
        result = await original(*arguments)
        answered.release()
        return result

    monkeypatch.setattr(wire, f"{protocol}_call", counted)
