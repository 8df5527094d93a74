"""A flow as workers publish it, in the words of a filter: the same of one row as `sources.columns` and `flows` say in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sinks.filter.fields import FIELDS
from sinks.filter.rows import Row
from sinks.queries.namespaces import namespace_of

_SAME = {"network": "network", "protocol": "protocol", "service_port": "service_port", "reason": "remote_reason", "node": "node_id",
         "role": "role", "source": "remote_source", "rtt_us_max": "rtt_us_max"}  # fmt: skip
_ENDS = {"": ("local_workload", "remote_workload"), "_zone": ("local_zone", "remote_zone"), "_region": ("region", "remote_region"),
         "_ip": ("local_ip", "remote_ip")}  # fmt: skip
_EACH_WAY = ("bytes", "packets", "payload_bytes")
_COUNTS = tuple(name for name in FIELDS if name.startswith("connections_") or name == "retransmits")


def fields_of(flow: Mapping[str, Any]) -> Row:
    """`flow`: columns of `weir.flows` by name, addresses as text; one that its writer did not know yet is empty, or 0."""
    client, server = (1, 0) if flow["role"] == "server" else (0, 1)
    found: dict[str, Any] = {name: flow[column] for name, column in _SAME.items()}
    for name, columns in _ENDS.items():
        found[f"client{name}"], found[f"server{name}"] = flow.get(columns[client], ""), flow.get(columns[server], "")
    for end in ("client", "server"):
        found[f"{end}_namespace"] = namespace_of(found[end])
    for name in _EACH_WAY:
        ways = (flow[f"{name}_sent"], flow[f"{name}_received"])
        found[f"{name}_sent"], found[f"{name}_received"], found[name] = ways[client], ways[server], sum(ways)
    found |= {name: flow.get(name, 0) for name in _COUNTS}
    found["service"] = "" if client else flow.get("remote_service", "")
    found["domain"] = "" if client else flow.get("registrable_domain", "")
    found["canonical"] = "yes" if flow["canonical"] else "no"
    found["flows"] = 1
    found["rtt_us"] = flow["rtt_us_sum"] / flow["rtt_count"] if flow["rtt_count"] else None
    return {name: found[name] for name in FIELDS if not FIELDS[name].ends}
