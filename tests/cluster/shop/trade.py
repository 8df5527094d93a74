"""The shop at work, between two instants at which all that its pods said can be compared with all that the tables say."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.cluster.cluster import pod_ips
from tests.cluster.shop.collector import Collector, Edge, Sums
from tests.cluster.shop.objects import NAMESPACE
from tests.cluster.shop.pod import ANSWER, REQUEST
from tests.cluster.tables import Named, Names, Tables, difference, total
from tests.support.processes import wait_for


@dataclass(slots=True)
class Trade:
    """What came while the shop was at work: filled at the end."""

    said: dict[Edge, Sums] = field(default_factory=dict)
    """By the pods."""
    counted: dict[Edge, Names] = field(default_factory=dict)
    """In the tables, by how the far ends are named."""
    counted_again: int = 0
    retransmits: int = 0

    def names(self, caller: str, way: str) -> Names:
        return self.counted.get(Edge(f"{NAMESPACE}/{caller}", way), {})

    def wrong_bytes(self) -> list[str]:
        """Edges whose payload in the tables is not what their callers say: a sentence each.

        A segment that was sent again was on the wire twice: so much more may be counted as weir says was retransmitted, and nothing less.
        """
        pairs = {edge: (said, total(self.counted.get(edge, {}))) for edge, said in self.said.items()}
        return [
            f"{edge.caller} by {edge.name}: said {said.sent} sent, {said.received} received; counted {counted.sent}, {counted.received}"
            for edge, (said, counted) in pairs.items()
            if not (self._fits(said.sent, counted.sent, REQUEST) and self._fits(said.received, counted.received, ANSWER))
        ]

    def _fits(self, said: int, counted: int, largest: int) -> bool:
        return said <= counted <= said + self.retransmits * largest

    def unnamed(self, edge: Edge) -> float:
        """Share of the edge's payload that has no name, of 1."""
        names = self.counted.get(edge, {})
        nameless = total({named: sums for named, sums in names.items() if not named.workload})
        return (nameless.sent + nameless.received) / max(1, total(names).sent + total(names).received)


class Shop:
    """Its pods run from the start; they call while `trading`."""

    def __init__(self, collector: Collector, tables: Tables) -> None:
        self._collector = collector
        self._tables = tables

    @contextlib.contextmanager
    def trading(self) -> Iterator[Trade]:
        """The shop works inside; afterwards the trade holds what was said and what was counted in between, to the byte."""
        trade = Trade()
        said, counted = self._collector.sums(), self._tables.edges()
        again, retransmits = self._tables.counted_again(), self._tables.retransmits()
        self._collector.call("headless", pod_ips(NAMESPACE, "app=search"))
        self._collector.go()
        try:
            yield trade
        finally:
            self._collector.pause()
        assert not self._collector.vanished(), f"pods that ended without a last word: {self._collector.vanished()}"
        self._tables.settled()
        now = self._collector.sums()
        trade.said = {edge: sums - said.get(edge, Sums()) for edge, sums in now.items() if sums != said.get(edge, Sums())}
        trade.counted = {edge: difference(names, counted.get(edge, {})) for edge, names in self._tables.edges().items()}
        trade.counted_again = self._tables.counted_again() - again
        trade.retransmits = self._tables.retransmits() - retransmits

    def until_answered(self, requests: int, ways: set[str], seconds: float) -> None:
        """Returns when each way has had so many more requests answered."""
        before = self._answered()

        def done() -> bool:
            now = self._answered()
            return all(now.get(way, 0) - before.get(way, 0) >= requests for way in ways)

        wait_for(done, seconds, f"{requests} answers by each of {', '.join(sorted(ways))}", every=0.2)

    def work_for(self, seconds: float) -> None:
        """Returns after so much traffic: a time is what is wanted here, and no event ends it."""
        time.sleep(seconds)

    def _answered(self) -> dict[str, int]:
        answered: dict[str, int] = {}
        for edge, sums in self._collector.sums().items():
            answered[edge.name] = answered.get(edge.name, 0) + sums.requests
        return answered


NAMES = {
    Edge(f"{NAMESPACE}/web", "cluster-ip"): Named("shop/catalog", "service", "", "shop/catalog"),
    Edge(f"{NAMESPACE}/web", "headless"): Named("shop/search", "heartbeat"),
    Edge(f"{NAMESPACE}/web", "node-port"): Named("shop/catalog", "service", "", "shop/catalog-node"),
    Edge(f"{NAMESPACE}/web", "external-ip"): Named("shop/catalog", "service", "", "shop/catalog-external"),
    Edge(f"{NAMESPACE}/web", "load-balancer"): Named("shop/catalog", "service", "", "shop/catalog-balanced"),
    Edge(f"{NAMESPACE}/web", "two-behind"): Named("", "none", "shared", "shop/pay"),
    Edge(f"{NAMESPACE}/web", "datagrams"): Named("shop/names", "service", "", "shop/names"),
    Edge(f"{NAMESPACE}/catalog", "database"): Named("shop/database", "service", "", "shop/database"),
    Edge(f"{NAMESPACE}/probe", "host-network"): Named("shop/catalog", "service", "", "shop/catalog-for-hosts"),
    Edge(f"{NAMESPACE}/stock", "cron-job"): Named("shop/catalog", "service", "", "shop/catalog-for-jobs"),
    Edge(f"{NAMESPACE}/mover", "moving"): Named("shop/cards", "service", "", "shop/moving"),
}
"""How each edge is named where nothing changes."""
COARSE = {"node-port": "node/n2"}
"""What else an edge may be called while it is not known what stands behind a Service: it is true, and says less."""
