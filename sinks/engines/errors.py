"""What the engines' errors mean to weir: wait and try again, or stop and say why."""

from __future__ import annotations

import re

from schemas.errors import Unavailable, WeirError


class TooLong(Unavailable):
    """A question took longer than it may. It may do later, when less is asked at the same time."""


class TooLarge(WeirError):
    """A question reads, holds or answers more than it may. It will the next time, too."""


# Codes of ClickHouse that speak of the server's state and not of the request.
TEMPORARY = frozenset(
    {
        3,  # UNEXPECTED_END_OF_FILE
        23,  # CANNOT_READ_FROM_ISTREAM
        24,  # CANNOT_WRITE_TO_OSTREAM
        32,  # ATTEMPT_TO_READ_AFTER_EOF
        74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
        75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR
        76,  # CANNOT_OPEN_FILE
        77,  # CANNOT_CLOSE_FILE
        95,  # CANNOT_READ_FROM_SOCKET
        96,  # CANNOT_WRITE_TO_SOCKET
        173,  # CANNOT_ALLOCATE_MEMORY
        198,  # DNS_ERROR
        201,  # QUOTA_EXCEEDED
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        204,  # CANNOT_FSYNC
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED
        241,  # MEMORY_LIMIT_EXCEEDED
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        279,  # ALL_CONNECTION_TRIES_FAILED
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        289,  # REPLICA_IS_NOT_IN_QUORUM
        319,  # UNKNOWN_STATUS_OF_INSERT
        364,  # RECEIVED_ERROR_TOO_MANY_REQUESTS
        384,  # PART_IS_TEMPORARILY_LOCKED
        394,  # QUERY_WAS_CANCELLED
        425,  # SYSTEM_ERROR
        439,  # CANNOT_SCHEDULE_TASK
        473,  # DEADLOCK_AVOIDED
        668,  # INVALID_STATE
        745,  # SERVER_OVERLOADED
        999,  # KEEPER_EXCEPTION
        1000,  # POCO_EXCEPTION
        1001,  # STD_EXCEPTION
        1002,  # UNKNOWN_EXCEPTION
    }
)
_NOT_THERE = frozenset({60, 81})  # UNKNOWN_TABLE, UNKNOWN_DATABASE
_LOGIN = frozenset({192, 193, 194, 516})  # UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED
_ACCESS_DENIED = 497
_GRANT = re.compile(r"necessary to have (?:the )?grant (.+?)(?:\.?$|\. |: While)")
_READ_ONLY = 164
_TOO_LONG = frozenset({159, 160})  # TIMEOUT_EXCEEDED, TOO_SLOW
_TOO_LARGE = frozenset({158, 307, 396})  # TOO_MANY_ROWS, TOO_MANY_BYTES, TOO_MANY_ROWS_OR_BYTES
_MEMORY = 241
_CODE = re.compile(r"\bCode: (\d+)")
_NOISE = re.compile(r"^(?:Code: \d+\.\s*)?(?:DB::(?:Exception|NetException|ErrnoException): ?)+(?:default: )?")


def code_of(text: str) -> int | None:
    """The number in ClickHouse's "Code: 60. DB::Exception: …"."""
    match = _CODE.search(text)
    return int(match.group(1)) if match else None


def first_sentence(text: str, limit: int = 400) -> str:
    """The engine's own words without its prefix, its stack trace and its second thoughts."""
    line = next((part for part in text.splitlines() if part.strip()), "no message").strip()
    line = _NOISE.sub("", line).split(" Stack trace:")[0].split(": In scope SELECT formatQuery")[0].strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def server_error(where: str, code: int | None, text: str, *, limited: bool = False) -> WeirError:
    """The error to raise for what ClickHouse itself answered. `limited`: it was a question under limits of its own."""
    said = first_sentence(text)
    if code in _TOO_LONG:
        return TooLong(f"{where} cannot answer in the time that a question may take (code {code}): {said} Narrow the span or the filter.")
    if code == _MEMORY and limited and "(total)" not in text:
        return TooLarge(f"{where} needs more memory than a question may take (code {code}): {said} Narrow the span or the filter.")
    if code in TEMPORARY:
        return Unavailable(f"{where} cannot do this now (code {code}): {said}")
    if code in _NOT_THERE:
        return WeirError(f"{where} does not know it (code {code}): {said} Run `weir migrate` if weir's own tables are missing.")
    if code in _LOGIN:
        return WeirError(f"{where} refuses the user or its password (code {code}): {said} Check both in WEIR_CLICKHOUSE_URL.")
    if code == _ACCESS_DENIED:
        right = _GRANT.search(said)
        missing = right.group(1) if right else "for this"
        return WeirError(
            f"{where} refuses the user the right {missing} (code {code}): {said} Grant it, or name another user in WEIR_CLICKHOUSE_URL."
        )
    if code == _READ_ONLY:
        return WeirError(f"{where} only answers questions here (code {code}): {said} Use SELECT, SHOW, DESCRIBE or EXPLAIN.")
    if code in _TOO_LARGE:
        return TooLarge(f"{where} found more than one answer may hold (code {code}): {said} Ask for less, aggregate, or add a LIMIT.")
    return WeirError(f"{where} refused (code {code}): {said}")


_CERTIFICATE = "its TLS certificate is signed by no CA known here, or for another name: add the CA to this machine's, or ?verify=0"
_NO_TLS = "it does not speak TLS at this port: leave out ?secure=1, or name the TLS port, 9440 by default"
_NO_NAME = "its name is not known here: check the host in WEIR_CLICKHOUSE_URL and this machine's DNS"
_NO_WAY = "there is no way to it: check the network"
# What a broken connection says, in lower case; the most telling first.
_CONNECTION: tuple[tuple[tuple[str, ...], str], ...] = (
    (("certificate_verify_failed", "certificate verify failed"), _CERTIFICATE),
    (("wrong_version_number", "wrong version number", "record layer failure"), _NO_TLS),
    (("name or service not known", "name resolution", "no address associated"), _NO_NAME),
    (("refused",), "nothing listens there: is it running, and is the address right?"),
    (("unreachable", "no route"), _NO_WAY),
    (
        ("timed out", "timeout"),
        "it is silent: is it running, is a firewall in between, and is ?secure=1 set just where it speaks TLS?",
    ),
    (("unexpected eof", "reset by peer", "broken pipe"), "it ended the connection: is it running? Where the port wants TLS, add ?secure=1"),
    (("unexpected packet",), "it does not speak ClickHouse's native protocol at this port: name the native port, 9000 by default"),
)


def connection_cause(text: str) -> str:
    """Why a connection failed, by the words of the socket's or the driver's error, with the way out."""
    lower = text.lower()
    return next((cause for words, cause in _CONNECTION if any(word in lower for word in words)), "is it running, and is the address right?")
