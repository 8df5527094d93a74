"""What a watcher says about itself, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from producers.watcher.cluster import Cluster
from producers.watcher.informers import Informers
from producers.watcher.leader import Candidate
from producers.watcher.services import ADDRESSES
from producers.watcher.telling import WAITING, Telling


class WatcherMetrics(Collector):
    """Collects when it is asked, on the asking thread."""

    def __init__(self, cluster: Cluster, informers: Informers, candidate: Candidate, telling: Telling) -> None:
        self._cluster = cluster
        self._informers = informers
        self._candidate = candidate
        self._telling = telling
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> str:
        return generate_latest(self._registry).decode()

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        cluster, telling = self._cluster, self._telling
        yield GaugeMetricFamily("weir_watcher_leading", "1: this watcher tells; 0: another does.", value=telling.in_term)
        yield _by("weir_watcher_objects", "Things known of the cluster.", "kind", self._objects())
        watches = self._informers.told()
        yield _by("weir_watcher_watched", "1: the watch of this kind stands.", "kind", {its.kind: float(its.connected) for its in watches})
        silent = {its.kind: its.silent_seconds for its in watches}
        yield _by("weir_watcher_silent_seconds", "Since the watch of this kind was heard.", "kind", silent)
        yield CounterMetricFamily("weir_watcher_told", "States told to Kafka.", value=telling.told)
        yield CounterMetricFamily("weir_watcher_terms", "Times that all states were told as those of a new watcher.", value=telling.terms)
        yield GaugeMetricFamily("weir_watcher_until_timestamp_seconds", "Up to when all is known.", value=telling.until_us / 1e6)
        fills = {"addresses": len(cluster.services) / ADDRESSES, "waiting": telling.waiting / WAITING}
        yield _by("weir_watcher_fill", "How full each bounded part of its memory is; 1: full.", "bound", fills)
        refused = "Times that a service address was left out, because there were too many."
        yield CounterMetricFamily("weir_watcher_addresses_refused", refused, value=cluster.services.refused)

    def _objects(self) -> dict[str, float]:
        cluster = self._cluster
        counts = {"pods": len(cluster.pods), "workloads": len(cluster.workloads), "nodes": len(cluster.nodes)}
        return {kind: float(count) for kind, count in {**counts, "service_addresses": len(cluster.services)}.items()}


def _by(name: str, said: str, label: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, said, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
