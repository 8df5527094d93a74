"""Raw flows as they come in: the newest of a span, or those that were written since an instant."""

from __future__ import annotations

import pyarrow as pa

from sinks.filter.sql import condition
from sinks.filter.tree import Node
from sinks.queries.edges import Ask
from sinks.queries.flows import SHOWN, known_columns
from sinks.queries.sources import View, within
from sinks.queries.spans import Span

_IDENTITY = (
    "window_start, node_id, epoch, network, local_ip, remote_ip, service_port, toString(protocol), toString(role), toString(local_workload)"
)


def ask_newest(ask: Ask, span: Span, where: Node | None, view: View, limit: int, since_s: int | None = None) -> pa.Table:
    """Rows of flows, the newest windows first, with `key`, which is the same for the same flow and window, and `written_s`, UTC seconds.

    `since_s`: only what was written then or later, the last written first.
    """
    conditions = [within(span)]
    conditions += ["canonical"] if view == "canonical" else []
    conditions += [condition(where, known_columns())] if where is not None else []
    conditions += [] if since_s is None else [f"written_at >= toDateTime({int(since_s)}, 'UTC')"]
    order = "window_start DESC, key" if since_s is None else "written_s DESC, window_start DESC, key"
    return ask(
        f"SELECT {', '.join(SHOWN)}, lower(hex(sipHash64({_IDENTITY}))) AS key, "  # noqa: S608 (composed of weir's own names)
        f"toInt64(toUnixTimestamp(written_at)) AS written_s FROM weir.flows WHERE {' AND '.join(conditions)} "
        f"ORDER BY {order} LIMIT {int(limit)}"
    )
