"""What a question may cost, by who asks. Every limit throws: an answer that was cut would be a wrong sum.

The engine checks them block by block: what is read may pass a limit by a block of each thread.
"""

from __future__ import annotations

READ_SECONDS = 60
READ_LIMITS: dict[str, str | int] = {
    "readonly": 1,
    "max_execution_time": READ_SECONDS,
    "max_memory_usage": 2_000_000_000,
    "max_result_rows": 5_000_000,
    "max_result_bytes": 512_000_000,
    "result_overflow_mode": "throw",
}
"""Of a person's own SQL. It reads, for a minute at most, and its answer fits into memory. Under readonly = 1 it changes none of them."""

CONSOLE_SECONDS = 10
CONSOLE_LIMITS: dict[str, str | int] = {
    "readonly": 1,
    "max_execution_time": CONSOLE_SECONDS,
    "timeout_overflow_mode": "throw",
    "max_rows_to_read": 300_000_000,
    "max_bytes_to_read": 30_000_000_000,
    "read_overflow_mode": "throw",
    "max_rows_to_group_by": 5_000_000,
    "group_by_overflow_mode": "throw",
    "max_memory_usage": 2_000_000_000,
    "max_result_rows": 200_000,
    "max_result_bytes": 128_000_000,
    "result_overflow_mode": "throw",
    "max_threads": 4,
}
"""Of what weir composes for the console and the API: many ask, and each waits for the others."""
