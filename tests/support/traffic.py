"""Known traffic between pods: prime counts, prime sizes, and closes after which no packet is left to the kernel alone.

Runs as a script inside a pod (standard library only): `python traffic.py serve 80`, `... tcp HOST 80 23 7919 104729`, and so on.
A client that shuts down, reads the end and only then closes lets both sockets see every packet: a socket closed earlier is
replaced by a minimal one in TIME_WAIT, whose packets belong to no cgroup.
"""

from __future__ import annotations

import argparse
import errno
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SIZES = struct.Struct("!QQ")
CHUNK = 65_536
LINGER_NOW = struct.pack("ii", 1, 0)


def serve(port: int) -> None:
    """TCP and UDP on one port, both families, for ever. Says "ready" on stdout once both listen."""
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    datagrams.bind(("::", port))
    threading.Thread(target=_echo, args=(datagrams,), daemon=True).start()
    _say("ready")
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _echo(datagrams: socket.socket) -> None:
    while True:
        data, sender = datagrams.recvfrom(CHUNK)
        datagrams.sendto(data, sender)


def _answer(connection: socket.socket) -> None:
    """Takes requests (sizes, then bytes), answers each with as many bytes as it asks for, until the peer ends its side."""
    with connection:
        while head := _exactly(connection, SIZES.size):
            request, response = SIZES.unpack(head)
            _skip(connection, request)
            _send(connection, response)


def tcp(host: str, port: int, connections: int, request: int, response: int) -> None:
    """One connection after the other, one exchange on each."""
    for _ in range(connections):
        with conversation(host, port) as connection:
            exchange(connection, request, response)


def hold(host: str, port: int, connections: int, request: int, response: int) -> None:
    """Opens all connections, says "open", and for each line on stdin has one exchange on each; ends with stdin."""
    opened = [socket.create_connection((host, port)) for _ in range(connections)]
    _say("open")
    for _ in sys.stdin:
        for connection in opened:
            exchange(connection, request, response)
        _say("done")
    for connection in opened:
        _finish(connection)


def udp(host: str, port: int, packets: int, size: int) -> None:
    """Datagrams from one socket, each answered before the next is sent."""
    with _datagram_socket(host, port) as sender:
        for _ in range(packets):
            sender.send(bytes(size))
            if len(sender.recv(CHUNK)) != size:
                raise SystemExit("an answer of another size")


def answer(port: int, asks: str = "", asks_port: int = 0) -> None:
    """A UDP server on one port (0: of the kernel's choice), both families, for ever: says its port. May ask a server itself first."""
    datagrams = _bound(socket.AF_INET6, port)
    if asks:
        datagrams.sendto(b"asked", (asks, asks_port))
        datagrams.recv(CHUNK)
    _say(str(datagrams.getsockname()[1]))
    _echo(datagrams)


def answer_connected(port: int) -> None:
    """A UDP server that answers each new client from a socket of its own, bound to the same port and connected to the client."""
    listener = _bound(socket.AF_INET6, port)
    _say(str(port))
    while True:
        data, sender = listener.recvfrom(CHUNK)
        connected = _bound(socket.AF_INET6, port)
        connected.connect(sender)
        connected.send(data)
        threading.Thread(target=_echo_connected, args=(connected,), daemon=True).start()


def ask(host: str, port: int, sockets: int, own_port: int, connected: int) -> None:
    """Three questions, each answered, from each of so many sockets, bound to `own_port` and those above it (-1: not bound)."""
    for number in range(sockets):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as asker:
            if own_port >= 0:
                asker.bind(("", own_port + number if own_port else 0))
            if connected:
                asker.connect((host, port))
            for _ in range(3):
                asker.send(b"asked") if connected else asker.sendto(b"asked", (host, port))
                asker.recv(CHUNK)


def _bound(family: int, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_DGRAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("", port))
    return bound


def _echo_connected(connected: socket.socket) -> None:
    while True:
        connected.send(connected.recv(CHUNK))


def blast(host: str, port: int, packets: int, size: int) -> None:
    """Datagrams as fast as they go, answered or not."""
    payload = bytes(size)
    with _datagram_socket(host, port) as sender:
        for _ in range(packets):
            _send_despite_refusal(sender, payload)


def spray(host: str, port: int, ports: int, size: int) -> None:
    """One datagram to each of `ports` ports from `port` on: as many flows."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        for target in range(port, port + ports):
            sender.sendto(bytes(size), (host, target))


def reset(host: str, port: int, connections: int) -> None:
    """Connections that this side ends with a RST."""
    for _ in range(connections):
        connection = socket.create_connection((host, port))
        exchange(connection, 1, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOW)
        connection.close()


def refused(host: str, port: int, connections: int) -> None:
    """connect() to a port where nobody listens."""
    for _ in range(connections):
        try:
            socket.create_connection((host, port)).close()
        except ConnectionRefusedError:
            continue
        raise SystemExit(f"somebody listens on {host} port {port}")


def attempt(host: str, port: int, connections: int, milliseconds: int) -> None:
    """Connects that all begin at once, say "begun", and are given up after so long (the kernel itself gives up after three seconds).

    Says how each ended: the name of its error, or OK, or EINPROGRESS if it was given up.
    """
    family, poll, ended = socket.AF_INET6 if ":" in host else socket.AF_INET, select.poll(), {}
    sockets = {opened.fileno(): opened for opened in (socket.socket(family) for _ in range(connections))}
    for fd, opened in sockets.items():
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
        ended[fd] = opened.connect_ex((host, port))
        poll.register(fd, select.POLLOUT)
    _say("begun")
    end = time.monotonic() + milliseconds / 1_000
    while errno.EINPROGRESS in ended.values() and (left := end - time.monotonic()) > 0:
        for fd, _ in poll.poll(left * 1_000):
            ended[fd] = sockets[fd].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            poll.unregister(fd)
    for fd, opened in sockets.items():
        opened.close()
        _say(errno.errorcode.get(ended[fd], "OK"))


def rtt(host: str, port: int, connections: int) -> None:
    """Says three times in microseconds of each connection: its smoothed round-trip time, as its socket knows it before the first exchange,
    how long its connect() took, and how long all of it.
    """
    for _ in range(connections):
        begun = time.perf_counter_ns()
        with conversation(host, port) as connection:
            took = time.perf_counter_ns() - begun
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 72)
            exchange(connection, 1, 1)
        _say(f"{struct.unpack_from('=I', info, 68)[0]} {took // 1_000} {(time.perf_counter_ns() - begun) // 1_000}")


@contextmanager
def conversation(host: str, port: int) -> Iterator[socket.socket]:
    connection = socket.create_connection((host, port))
    yield connection
    _finish(connection)


def exchange(connection: socket.socket, request: int, response: int) -> None:
    connection.sendall(SIZES.pack(request, response))
    _send(connection, request)
    _skip(connection, response)


def _finish(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    if connection.recv(1):
        raise SystemExit("more than was asked for")
    connection.close()


def _datagram_socket(host: str, port: int) -> socket.socket:
    sender = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect((host, port))
    return sender


def _send_despite_refusal(sender: socket.socket, payload: bytes) -> None:
    while True:
        try:
            sender.send(payload)
            return
        except ConnectionRefusedError:  # an ICMP answer to an earlier one: nothing was sent this time
            continue


def _send(connection: socket.socket, count: int) -> None:
    zeros = memoryview(bytes(min(count, CHUNK)))
    while count:
        count -= connection.send(zeros[: min(count, CHUNK)])


def _skip(connection: socket.socket, count: int) -> None:
    while count:
        received = len(connection.recv(min(count, CHUNK)))
        if not received:
            raise SystemExit(f"{count} bytes are missing")
        count -= received


def _exactly(connection: socket.socket, count: int) -> bytes:
    """`count` bytes, or none at the end of the stream (or at a RST)."""
    data = b""
    while len(data) < count:
        try:
            more = connection.recv(count - len(data))
        except ConnectionResetError:
            return b""
        if not more:
            return b""
        data += more
    return data


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


COMMANDS = {
    "serve": (serve, ("port",)),
    "tcp": (tcp, ("host", "port", "connections", "request", "response")),
    "hold": (hold, ("host", "port", "connections", "request", "response")),
    "udp": (udp, ("host", "port", "packets", "size")),
    "answer": (answer, ("port",)),
    "answer-asking": (answer, ("port", "asks", "asks_port")),
    "answer-connected": (answer_connected, ("port",)),
    "ask": (ask, ("host", "port", "sockets", "own_port", "connected")),
    "blast": (blast, ("host", "port", "packets", "size")),
    "spray": (spray, ("host", "port", "ports", "size")),
    "reset": (reset, ("host", "port", "connections")),
    "rtt": (rtt, ("host", "port", "connections")),
    "attempt": (attempt, ("host", "port", "connections", "milliseconds")),
    "refused": (refused, ("host", "port", "connections")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, (action, arguments) in COMMANDS.items():
        command = commands.add_parser(name)
        command.set_defaults(action=action)
        for argument in arguments:
            command.add_argument(argument, type=str if argument in ("host", "asks") else int)
    given = vars(parser.parse_args())
    given.pop("action")(**given)


if __name__ == "__main__":
    main()
