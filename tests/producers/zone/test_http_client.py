"""The small HTTP client: what it takes for an answer, and how little it can be made to wait for or to hold."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.zone import http_client
from producers.zone.http_client import ANSWER_BYTES, TOTAL_SECONDS, ask
from tests.support.processes import PATIENCE

Serve = Callable[[Sequence[bytes], bool], tuple[str, int]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server for one connection: reads a request, sends the pieces, then closes, or keeps the connection open until the test's end."""
    over, threads, listeners = threading.Event(), [], []

    def start(pieces: Sequence[bytes], close: bool = True) -> tuple[str, int]:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            link, _ = listener.accept()
            with link:
                link.recv(65_536)
                for piece in pieces:
                    try:
                        link.sendall(piece)
                    except OSError:
                        return
                if not close:
                    over.wait(60 * PATIENCE)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        host, port = listener.getsockname()
        return host, port

    yield start
    over.set()
    for thread in threads:
        thread.join()
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    ("pieces", "close"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"], False),
        ([b"HTTP/1.1 200 OK\r\nContent-", b"Length: 5\r\n\r", b"\nhe", b"llo and more"], False),
        ([b"HTTP/1.0 200 OK\r\nServer: fake\r\n\r\nhe", b"llo"], True),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=1\r\nl", b"lo\r\n0\r\n\r\n"], False),
        ([b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello"], True),
    ],
)
def test_an_answer_is_read_however_it_is_cut(serve: Serve, pieces: list[bytes], close: bool) -> None:
    assert ask(serve(pieces, close), "GET", "/", {}) == "hello"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "status '403 Forbidden'"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "status '302 Found'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "torn"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello", "length is no number"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", "length is no number"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", "invalid literal"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        (b"", "torn"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff", "decode"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(2 * ANSWER_BYTES), "over 65536 bytes"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * ANSWER_BYTES, "over 65536 bytes"),
    ],
)
def test_anything_else_is_refused(serve: Serve, answer: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ask(serve([answer], True), "GET", "/", {})


def test_a_server_that_says_nothing_is_not_waited_for(serve: Serve) -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        ask(serve([b"HTTP/1.1 200 OK\r\n"], False), "GET", "/", {})
    assert time.monotonic() - begun < 2 * TOTAL_SECONDS * PATIENCE


def test_a_server_that_drips_is_not_waited_for_either(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time; all of them do not."""
    now = [0.0]
    monkeypatch.setattr(
        http_client, "time", type("FakeTime", (), {"monotonic": staticmethod(lambda: now.__setitem__(0, now[0] + 0.7) or now[0])})
    )
    with pytest.raises(TimeoutError, match="within 2 s"):
        ask(serve([b"H", b"T", b"T", b"P"], False), "GET", "/", {})


def test_nobody_there_is_an_error_of_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(ConnectionRefusedError):
        ask(address, "GET", "/", {})


def test_no_line_can_be_put_into_a_request(serve: Serve) -> None:
    with pytest.raises(ValueError, match="one line"):
        ask(serve([], True), "GET", "/", {"Token": "a\r\nHost: elsewhere"})


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=300)
def test_whatever_comes_is_an_answer_or_refused(data: bytes, ended: bool) -> None:
    for answer in (data, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data, b"HTTP/1.1 200 OK\r\nContent-Length: " + data):
        try:
            body = http_client._body(answer, ended=ended)
        except ValueError:
            continue
        assert body is None or len(body) <= len(answer)
