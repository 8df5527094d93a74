"""What the engines' errors mean to weir: wait and try again, or stop and say why."""

from __future__ import annotations

import re

from schemas.errors import Unavailable, WeirError

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
        159,  # TIMEOUT_EXCEEDED
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
_ACCESS = frozenset({192, 193, 194, 497, 516})  # wrong user, password or grant
_READ_ONLY = 164
_TOO_LARGE = frozenset({158, 396})  # TOO_MANY_ROWS, TOO_MANY_ROWS_OR_BYTES
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


def server_error(where: str, code: int | None, text: str) -> WeirError:
    """The error to raise for what ClickHouse itself answered."""
    said = first_sentence(text)
    if code in TEMPORARY:
        return Unavailable(f"{where} cannot do this now (code {code}): {said}")
    if code in _NOT_THERE:
        return WeirError(f"{where} does not know it (code {code}): {said} Run `weir migrate` if weir's own tables are missing.")
    if code in _ACCESS:
        return WeirError(f"{where} refuses the user (code {code}): {said} Check the user and password in WEIR_CLICKHOUSE_URL.")
    if code == _READ_ONLY:
        return WeirError(f"{where} only answers questions here (code {code}): {said} Use SELECT, SHOW, DESCRIBE or EXPLAIN.")
    if code in _TOO_LARGE:
        return WeirError(f"{where} found more than one answer may hold (code {code}): {said} Aggregate, or add a LIMIT.")
    return WeirError(f"{where} refused (code {code}): {said}")
