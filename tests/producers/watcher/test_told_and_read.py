"""What a watcher states, as a worker reads it: no flow over a connection is named by another workload than that of its pod."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.records.cluster import ServiceAddress, WatcherWatermark
from streams.ownership.service_history import NAMED
from streams.ownership.services import ServiceMap
from tests.producers.watcher.test_services import S, key
from tests.producers.watcher.test_services_laws import VIPS, Cluster, moves, play

SKEW_US = 250_000


def learned(cluster: Cluster) -> ServiceMap:
    services = ServiceMap()
    named = {str(key(address)): key(address) for address in VIPS}
    services.learn(
        ServiceAddress("net", *named[at], state.service, state.workloads, state.since_us, "w")
        for at, states in cluster.told.items()
        for state in states
    )
    services.learn([WatcherWatermark("net", "w", 1, cluster.until)])
    return services


def names(services: ServiceMap, address: str, spans: list[tuple[int, int]]) -> list[str]:
    """The workload that a flow to the address in each span is named by; empty: none."""
    ip, protocol, port = key(address)
    count = len(spans)
    first, last = (np.array(ends, np.int64) for ends in zip(*spans, strict=True))
    number, verdicts = services.find(
        ["net"],
        np.zeros(count, np.uint32),
        np.frombuffer(ip * count, np.uint8).reshape(count, 16),
        np.full(count, protocol, np.uint8),
        np.full(count, port, np.uint16),
        first - SKEW_US,
        last + SKEW_US,
    )
    return [verdicts[at].workload if verdicts[at].state == NAMED else "" for at in number.tolist()]


@given(st.lists(moves, max_size=40), st.integers(0, 3 * S))
@example([("start", "b"), ("wait", 5), ("select", "web", {"b"}, VIPS[0]), ("wait", 160)], 0)
@settings(max_examples=150)
def test_no_flow_has_another_workloads_name(script: list[tuple], length: int) -> None:  # type: ignore[type-arg]
    cluster = play(script)
    services = learned(cluster)
    begun: dict[tuple[str, str], int] = {}
    for address, pod, at in cluster.opened:
        begun.setdefault((address, pod), at)
    for (address, pod), at in begun.items():
        end = min(cluster.died.get(pod, cluster.until), cluster.until)
        spans = [(since, min(since + length, end)) for since in range(at, end + 1, max(S, (end - at) // 20))]
        if spans:
            assert set(names(services, address, spans)) <= {"", f"shop/{pod[0]}"}


def test_a_service_with_one_workload_is_named_all_the_time() -> None:
    cluster = play([("wait", 60), ("start", "a"), ("wait", 10), ("kill", 0), ("wait", 160)])
    spans = [(since, since + S) for since in range(1_003 * S, cluster.until - 2 * S, S)]
    assert len(spans) > 30 and set(names(learned(cluster), VIPS[0], spans)) == {"shop/a"}
