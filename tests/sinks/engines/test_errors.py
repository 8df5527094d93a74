"""Every error of the libraries below comes out as one of weir's two kinds, in one sentence."""

from __future__ import annotations

import socket

import pytest
from clickhouse_driver import errors as driver_errors
from clickhouse_driver.columns.exceptions import ColumnException

from schemas.errors import Unavailable, WeirError
from sinks.engines.driver import translated
from sinks.engines.errors import TEMPORARY, code_of, first_sentence, server_error

WAIT = {
    driver_errors.NetworkError,
    driver_errors.SocketTimeoutError,
    driver_errors.UnexpectedPacketFromServerError,
    driver_errors.UnknownPacketFromServerError,
    driver_errors.PartiallyConsumedQueryError,
    driver_errors.ChecksumDoesntMatchError,
}
STOP = {
    driver_errors.Error,
    driver_errors.ServerException,
    driver_errors.LogicalError,
    driver_errors.UnknownTypeError,
    driver_errors.TypeMismatchError,
    driver_errors.UnknownCompressionMethod,
    driver_errors.TooLargeStringSize,
    driver_errors.CannotParseUuidError,
    driver_errors.CannotParseDomainError,
}


def family(base: type[Exception]) -> set[type[Exception]]:
    return {base}.union(*(family(child) for child in base.__subclasses__()))


def test_every_error_of_the_driver_has_been_decided_on() -> None:
    assert {kind for kind in family(driver_errors.Error) if kind.__module__ == driver_errors.__name__} == WAIT | STOP


@pytest.mark.parametrize("kind", sorted(WAIT, key=lambda kind: kind.__name__))
def test_a_broken_connection_is_waited_for(kind: type[Exception]) -> None:
    assert type(translated("ClickHouse at h:1", kind("torn"))) is Unavailable


@pytest.mark.parametrize("error", [EOFError(), ConnectionResetError(104, "reset"), TimeoutError(), socket.gaierror(-2, "unknown host")])
def test_a_broken_socket_is_waited_for(error: Exception) -> None:
    assert type(translated("ClickHouse at h:1", error)) is Unavailable


@pytest.mark.parametrize("kind", sorted(STOP | family(ColumnException) | {ValueError, TypeError}, key=lambda kind: kind.__name__))
def test_what_will_not_get_better_is_not_waited_for(kind: type[Exception]) -> None:
    assert type(translated("ClickHouse at h:1", kind("bad value"))) is WeirError


@pytest.mark.parametrize("code", sorted(TEMPORARY))
def test_the_servers_own_troubles_are_waited_for(code: int) -> None:
    error = driver_errors.ServerException("DB::Exception: too much to do. Stack trace:\n\n0. foo\n1. bar", code)
    assert type(translated("ClickHouse at h:1", error)) is Unavailable


def test_weirs_own_errors_pass_through() -> None:
    error = WeirError("a sentence.")
    assert translated("ClickHouse at h:1", error) is error


def test_a_message_is_one_line_without_the_engines_prefix() -> None:
    text = "Code: 60. DB::Exception: Table weir.x does not exist. (UNKNOWN_TABLE) Stack trace:\n0. in /clickhouse"
    assert code_of(text) == 60
    assert first_sentence(text) == "Table weir.x does not exist. (UNKNOWN_TABLE)"
    assert "weir migrate" in str(server_error("chDB", 60, text))
    assert len(first_sentence("x" * 10_000)) == 400
