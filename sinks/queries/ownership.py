"""Who held an address, or which addresses a workload held, by time."""

from __future__ import annotations

import pyarrow as pa

from schemas.addresses import format_address
from schemas.records.validation import INSTANT_LIMIT_US
from sinks.engines.quoting import literal
from sinks.queries.edges import Ask
from sinks.queries.spans import Span


def ask_ownership(ask: Ask, span: Span, address: bytes | None, workload: str | None, limit: int) -> pa.Table:
    """Ranges that touch the span, the newest first: network, ip, workload, start, end (null: it has none yet), source, port, protocol."""
    conditions = [f"start < toDateTime({span.end_s}, 'UTC')", f"`end` > toDateTime({span.start_s}, 'UTC')"]
    if address is not None:
        conditions.append(f"ip = toIPv6('{format_address(address)}')")
    if workload is not None:
        conditions.append(f"workload = {literal(workload)}")
    return ask(
        "SELECT toString(network) AS network, ip, toString(workload) AS workload, start, "  # noqa: S608 (composed of weir's own names)
        f"if(toUnixTimestamp64Micro(`end`) >= {INSTANT_LIMIT_US}, NULL, `end`) AS `end`, toString(source) AS source, port, "
        f"toString(protocol) AS protocol FROM weir.ownership WHERE {' AND '.join(conditions)} ORDER BY start DESC, workload LIMIT {limit}"
    )
