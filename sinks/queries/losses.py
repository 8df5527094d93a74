"""What is known not to have been counted: by stage, reason, node and time."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from sinks.queries.edges import Ask
from sinks.queries.sources import within
from sinks.queries.spans import Span

By = Literal["stage", "reason", "node", "step"]
_COLUMNS = {"stage": "toString(stage)", "reason": "toString(reason)", "node": "toString(node_id)"}


def ask_losses(ask: Ask, span: Span, by: tuple[By, ...], step_s: int, limit: int) -> pa.Table:
    """Sums by dimensions, the largest first; with `step` among them, by time: `time` is the start of a step of `step_s` seconds.

    `first` and `last` are the starts of the windows that they are of.
    """
    keys = [f"{_start(step_s)} AS time" if name == "step" else f"{_COLUMNS[name]} AS {name}" for name in by]
    names = ["time" if name == "step" else name for name in by]
    sums = "min(window_start) AS first, max(window_start) AS last, toUInt64(sum(flows)) AS flows, toUInt64(sum(packets)) AS packets, "
    order = ", ".join([*(["time"] if "step" in by else []), "bytes DESC", "packets DESC", "flows DESC", *names])
    group = f" GROUP BY {', '.join(names)}" if names else ""
    shown = ", ".join([*keys, f"{sums}toUInt64(sum(bytes)) AS bytes"])
    return ask(
        f"SELECT {shown} FROM weir.losses WHERE {within(span)}{group} HAVING count() > 0 ORDER BY {order} LIMIT {int(limit)}"  # noqa: S608
    )


def _start(step_s: int) -> str:
    return f"toDateTime(intDiv(toUnixTimestamp(window_start), {int(step_s)}) * {int(step_s)}, 'UTC')"
