"""A recording of a steady fleet: every node reports the same edges in every window, and every end is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from tests.integration.made_recording import SECOND_US, WINDOW_SECONDS, half_an_hour_ago_us, instant

PORTS = (80, 443, 5432, 6379, 8080, 9092)


@dataclass(frozen=True)
class FleetShape:
    """`flows_each`: flows a node and window."""

    nodes: int
    windows: int
    flows_each: int
    addresses_each: int = 20

    @property
    def flows(self) -> int:
        return self.nodes * self.windows * self.flows_each


def recording(shape: FleetShape) -> Iterator[bytes]:
    """JSON lines, heartbeats before flows in each window."""
    start_us = half_an_hour_ago_us()
    for window in range(shape.windows):
        begins = instant(start_us + window * WINDOW_SECONDS * SECOND_US)
        for node in range(shape.nodes):
            place = {"node_id": f"n{node}", "epoch": 1, "window_start": begins, "window_seconds": WINDOW_SECONDS}
            held = [{"ip": _ip(node, slot), "workload": _workload(node, slot)} for slot in range(shape.addresses_each)]
            yield orjson.dumps({"kind": "heartbeat", **place, "addresses": held}, option=orjson.OPT_APPEND_NEWLINE)
            for number in range(shape.flows_each):
                yield orjson.dumps({"kind": "flow", **place, **_flow(shape, node, window, number)}, option=orjson.OPT_APPEND_NEWLINE)


def _flow(shape: FleetShape, node: int, window: int, number: int) -> dict[str, object]:
    """One of a node's edges. Numbers differ, so that no two keys are equal; counters are primes' multiples."""
    slot, step = number % shape.addresses_each, 1 + number // shape.addresses_each
    other = (node + step) % shape.nodes
    return {
        "local_ip": _ip(node, slot),
        "remote_ip": _ip(other, (slot + step) % shape.addresses_each),
        "service_port": PORTS[step % len(PORTS)],
        "protocol": "tcp",
        "role": "client" if number % 2 else "server",
        "local_workload": _workload(node, slot),
        "bytes_sent": 7_919 + 13 * number + window,
        "bytes_received": 104_729 + 17 * number,
        "packets_sent": 23 + number % 50,
        "packets_received": 31 + number % 50,
        "payload_bytes_sent": 7_001 + 13 * number,
        "connections_opened": number % 7,
        "rtt_us_sum": 1_000 + number,
        "rtt_us_max": 900,
        "rtt_count": 3,
    }


def _ip(node: int, slot: int) -> str:
    return f"10.{node // 200}.{node % 200}.{slot + 1}"


def _workload(node: int, slot: int) -> str:
    return f"service-{(7 * node + slot) % 120}"
