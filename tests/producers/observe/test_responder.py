"""The HTTP port of an agent: two pages, and nobody who asks wrongly, slowly or too much is in the way."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest

from producers.observe import responder
from producers.observe.responder import REQUEST_BYTES, Page, Responder
from tests.support.http import ask
from tests.support.kafka import free_ports
from tests.support.processes import PATIENCE, wait_for


@pytest.fixture
def port() -> Iterator[int]:
    (chosen,) = free_ports(1)
    pages = {"/metrics": lambda: Page("weir_x 1\n" * 10_000), "/health": lambda: Page("bad\n", 503), "/broken": lambda: Page(str(1 // 0))}
    running = Responder("127.0.0.1", chosen, pages)
    running.start()
    wait_for(lambda: ask(chosen, "/health")[0], 10, "the port")
    yield chosen
    running.close()
    assert not running.is_alive()
    assert ask(chosen, "/health") == (0, "")


def say(port: int, *pieces: bytes, family: str = "127.0.0.1") -> bytes:
    """What is answered to these bytes."""
    with socket.create_connection((family, port), 10 * PATIENCE) as link:
        for piece in pieces:
            link.sendall(piece)
        link.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := link.recv(65_536):
            answer += piece
    return answer


def test_pages_are_answered_by_their_paths(port: int) -> None:
    assert ask(port, "/metrics?x=1") == (200, "weir_x 1\n" * 10_000)
    assert ask(port, "/health") == (503, "bad\n")
    assert ask(port, "/") == (404, "Only /metrics and /health and /broken are here.\n")


def test_a_request_in_pieces_is_one(port: int) -> None:
    assert say(port, b"GET /hea", b"lth HTTP/1.1\r\nHost: x\r\n", b"\r\n").startswith(b"HTTP/1.1 503 Service Unavailable\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"\r\n\r\n", b"400"),
        (b"", b"400"),
        (b"\x16\x03\x01\x00\xa5\x01", b"400"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"GET /" + b"x" * REQUEST_BYTES, b"431"),
    ],
)
def test_what_is_no_request_for_a_page_is_refused(port: int, request_: bytes, status: bytes) -> None:
    assert say(port, request_).split(b" ")[1] == status
    assert ask(port, "/health")[0] == 503


def test_a_page_that_fails_does_not_end_the_thread(port: int, caplog: pytest.LogCaptureFixture) -> None:
    assert ask(port, "/broken")[0] == 500
    assert "ZeroDivisionError" in caplog.text
    assert ask(port, "/health")[0] == 503


def test_who_says_nothing_is_in_the_way_for_a_moment_only(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "CONNECTION_SECONDS", 0.2)
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    try:
        assert ask(port, "/health")[0] == 503
    finally:
        for link in silent:
            link.close()


def test_an_empty_address_is_every_address() -> None:
    (chosen,) = free_ports(1)
    running = Responder("", chosen, {"/health": lambda: Page("well\n")})
    running.start()
    wait_for(lambda: ask(chosen, "/health") == (200, "well\n"), 10, "the port")
    if socket.has_dualstack_ipv6():
        assert b"200 OK" in say(chosen, b"GET /health HTTP/1.1\r\n\r\n", family="::1")
    running.close()


def test_a_port_that_is_taken_is_tried_again(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(responder, "RETRY_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        running = Responder("127.0.0.1", taken, {"/health": lambda: Page("well\n")})
        running.start()
        said = f"WEIR_METRICS_PORT={taken} of WEIR_METRICS_ADDRESS=127.0.0.1 cannot be listened on"
        wait_for(lambda: said in caplog.text, 10, "its complaint")
    wait_for(lambda: ask(taken, "/health") == (200, "well\n"), 10, "the port")
    running.close()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
