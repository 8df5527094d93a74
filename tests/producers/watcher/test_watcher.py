"""A watcher over a recorded cluster: what it tells to Kafka, who tells, and what it does while the API server is away."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from producers.kubernetes.reflector import Pauses
from producers.watcher import telling, watcher
from producers.watcher.client import ClientTransport
from producers.watcher.endpoints import Key
from producers.watcher.informers import PATHS
from producers.watcher.inherited import Inherited
from producers.watcher.metrics import WatcherMetrics
from producers.watcher.watcher import Watcher
from schemas.errors import Unavailable
from schemas.records.cluster import NODE_PORTS
from schemas.wire.framing import Framer
from tests.producers.kubernetes.fake_api import FakeApi
from tests.producers.watcher.fakes import FakeLeases, FakeOutlet, client_to
from tests.support.processes import PATIENCE, wait_for

RECORDED = Path(__file__).with_name("recorded.json")
"""By kind: the objects of a cluster, as its API gave them. `later`: what its watches told, step by step."""


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORDED.read_text())
    return found


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is late by here is the loopback device."""
    monkeypatch.setattr(telling, "LAG_US", 300_000)
    monkeypatch.setattr(telling, "WATERMARK_SECONDS", 0.2)
    monkeypatch.setattr(watcher, "TICK_SECONDS", 0.05)
    monkeypatch.setattr(watcher, "RETRY_SECONDS", 0.1)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as server:
        for path in PATHS.values():
            server.bookmark(path)  # It has this kind.
        for kind, objects in recorded()["objects"].items():
            for raw in objects:
                server.put(PATHS[kind], raw)
        yield server


class Running:
    """A watcher in a thread of its own."""

    def __init__(self, api: FakeApi, leases: FakeLeases, outlet: FakeOutlet, name: str, inherit: Callable[[], Inherited]) -> None:
        self.outlet = outlet
        client = client_to(api)
        self.watcher = Watcher(
            "net",
            name,
            transport=lambda: ClientTransport(client),
            leases=leases,
            outlet=outlet,
            framer=Framer(),
            inherit=inherit,
            pauses=Pauses(0.05, 0.1),
            catch_up_seconds=0.3,
            inherit_seconds=0.0,
            renew_seconds=0.1,
        )
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self.watcher.run, args=(self.stop,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        self.stop.set()
        self._thread.join(30 * PATIENCE)
        assert not self._thread.is_alive()

    def until(self, so: Callable[[], object], what: str) -> None:
        """Returns when it is so, by what was told meanwhile."""
        with self.outlet.grown:
            assert self.outlet.grown.wait_for(so, 30 * PATIENCE), f"{what}; health: {self.watcher.health()}"

    def until_health(self, wanted: tuple[bool, str]) -> None:
        wait_for(lambda: self.watcher.health() == wanted, 30, f"{wanted}; it is {self.watcher.health()}")

    def stands(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """By address and port: the newest word of the newest watcher."""
        told = self.outlet.addresses()
        newest = [mark.watcher for mark in self.outlet.watermarks()][-1]
        its = [record for record in told if record.watcher == newest]
        return {_shown(record.ip, record.protocol, record.port): (record.service, record.workloads) for record in its}

    def marked_after(self) -> None:
        """Until a watermark has passed this moment."""
        count = len(self.outlet.watermarks())
        now_us = self.watcher.cluster.now_us
        self.until(lambda: any(mark.until_us >= now_us for mark in self.outlet.watermarks()[count:]), "no watermark passes now")


@contextmanager
def running(
    api: FakeApi,
    leases: FakeLeases | None = None,
    outlet: FakeOutlet | None = None,
    name: str = "one",
    inherit: Callable[[], Inherited] = lambda: Inherited("net"),
) -> Iterator[Running]:
    its = Running(api, leases or FakeLeases(), outlet or FakeOutlet(), name, inherit)
    try:
        yield its
    finally:
        its.end()


def _shown(ip: bytes, protocol: int, port: int) -> str:
    address = ip_address(ip)
    text = "node" if ip == NODE_PORTS else str(getattr(address, "ipv4_mapped", None) or address)
    return f"{text} {port}{'' if protocol == 6 else f'/{protocol}'}"


def test_a_recorded_cluster_is_told(api: FakeApi) -> None:
    with running(api) as its:
        its.marked_after()
        assert its.stands() == {name: (service, tuple(names)) for name, (service, names) in recorded()["told"].items()}
        states = {(told.kind, told.name): told for told in its.outlet.workloads()}
        assert sorted(f"{kind} {name}" for kind, name in states) == recorded()["workloads"]
        assert states["Deployment", "shop/front"].labels == {"app": "front", "team": "web"}
        assert states["StaticPod", "kube-system/etcd"].labels == {"component": "etcd"}
        assert [(told.node_id, told.region, told.zone) for told in its.outlet.nodes()] == [("n1", "eu", "eu-1a"), ("n2", "eu", "eu-1b")]
        assert its.watcher.health() == (True, "telling") and its.watcher.alive()[0]
    assert its.watcher.alive()[1].startswith("ended before its time: ")


def test_what_the_watches_tell_later_is_told(api: FakeApi) -> None:
    with running(api) as its:
        its.marked_after()
        for step in recorded()["later"]:
            before = len(its.outlet.addresses())
            for kind, raw in step["put"]:
                api.put(PATHS[kind], raw)
            for kind, namespace, name in step["remove"]:
                api.remove(PATHS[kind], namespace, name)
            its.marked_after()
            told = its.outlet.addresses()[before:]
            shown = {_shown(record.ip, record.protocol, record.port): [record.service, list(record.workloads)] for record in told}
            assert shown == step["told"], step["what"]
        assert len({mark.watcher for mark in its.outlet.watermarks()}) == 1


def test_the_other_takes_over_and_no_moment_is_untold(api: FakeApi) -> None:
    leases, outlet = FakeLeases(), FakeOutlet()
    with running(api, leases, outlet, "one") as one:
        one.marked_after()
        with running(api, leases, FakeOutlet(), "other") as other:
            wait_for(lambda: other.watcher.health()[0], 30, "the other to be ready")
            one.marked_after()
            assert other.outlet.log == [] and other.watcher.health()[1].startswith("in reserve; one")
            one.end()
            other.until(other.outlet.watermarks, "the other tells nothing")
            last, first = outlet.watermarks()[-1], other.outlet.watermarks()[0]
            assert first.since_us <= last.until_us and first.watcher != last.watcher
            other.until(lambda: other.outlet.watermarks()[-1].until_us > last.until_us, "the other comes no further")
            known = {(told.ip, told.protocol, told.port): told.workloads for told in outlet.addresses()}
            assert {(told.ip, told.protocol, told.port): told.workloads for told in other.outlet.addresses()} == known
            assert leases.lease.holder.startswith("other")


def test_while_the_api_server_is_away_the_watermark_stands_and_then_goes_on(api: FakeApi) -> None:
    leases = FakeLeases()
    with running(api, leases) as its:
        its.marked_after()
        leases.away = True
        api.away()
        cut_us = its.watcher.cluster.now_us
        wait_for(lambda: not its.watcher.informers.connected, 30, "the watches to break")
        looks = its.watcher.looks
        wait_for(lambda: its.watcher.looks > looks + 20, 30, "a watermark's time to pass")
        assert all(mark.until_us <= cut_us for mark in its.outlet.watermarks())
        leases.away = False
        api.back()
        its.marked_after()
        assert len({mark.watcher for mark in its.outlet.watermarks()}) == 1


@pytest.mark.parametrize("changed", [False, True])
def test_after_versions_were_forgotten_it_begins_anew_only_where_services_changed(api: FakeApi, changed: bool) -> None:
    with running(api) as its:
        its.marked_after()
        api.away()
        wait_for(lambda: not its.watcher.informers.connected, 30, "the watches to break")
        if changed:
            (raw, *_) = recorded()["objects"]["endpointslices"]
            api.put(PATHS["endpointslices"], raw)
        for path in PATHS.values():
            api.compact(path)
        lists = api.count(PATHS["endpointslices"])
        api.back()
        its.marked_after()
        assert api.count(PATHS["endpointslices"]) > lists
        assert len({mark.watcher for mark in its.outlet.watermarks()}) == 1 + changed


def test_its_metrics_say_what_it_does(api: FakeApi) -> None:
    with running(api) as its:
        its.marked_after()
        parts = its.watcher
        text = WatcherMetrics(parts.cluster, parts.informers, parts.candidate, parts.telling).text()
    metrics = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert metrics["weir_watcher_leading"] == metrics["weir_watcher_terms_total"] == "1.0"
    assert metrics['weir_watcher_objects{kind="pods"}'] == "12.0" and metrics['weir_watcher_watched{kind="jobs"}'] == "1.0"
    assert float(metrics["weir_watcher_told_total"]) >= len(its.outlet.addresses())
    assert float(metrics["weir_watcher_until_timestamp_seconds"]) > 1e9
    assert metrics['weir_watcher_fill{bound="waiting"}'] == "0.0" and float(metrics['weir_watcher_silent_seconds{kind="nodes"}']) >= 0


def test_nothing_is_told_before_every_kind_was_listed(api: FakeApi) -> None:
    api.refuse(PATHS["nodes"], 500, "not yet")
    outlet = FakeOutlet()
    with running(api, outlet=outlet) as its:
        api.wait_for(PATHS["nodes"], 4)
        its.until_health((False, "not listed yet: nodes"))
        assert outlet.log == []
        api.allow(PATHS["nodes"])
        its.marked_after()


def test_a_kind_that_may_not_be_listed_is_done_without_and_named(api: FakeApi) -> None:
    for kind in ("nodes", "deployments"):
        api.refuse(PATHS[kind])
    with running(api) as its:
        its.marked_after()
        its.until_health((True, "telling; nodes, deployments may not be listed"))
        states = {(told.kind, told.name): dict(told.labels) for told in its.outlet.workloads()}
        assert states["Deployment", "shop/front"] == {} and not its.outlet.nodes()


def test_without_the_right_to_list_slices_nothing_is_told(api: FakeApi) -> None:
    api.refuse(PATHS["endpointslices"])
    outlet = FakeOutlet()
    with running(api, outlet=outlet) as its:
        api.wait_for(PATHS["endpointslices"], 3)
        said = "endpointslices may not be listed: grant get, list and watch on it"
        its.until_health((False, said))
        assert outlet.log == []


def test_what_was_told_earlier_is_read_before_it_leads(api: FakeApi) -> None:
    known = threading.Event()
    asked = threading.Semaphore(0)
    front = Key(bytes(10) + b"\xff\xff" + ip_address("10.96.0.10").packed, 6, 80)

    def inherit() -> Inherited:
        asked.release()
        if not known.is_set():
            raise Unavailable("Kafka is away.")
        return Inherited("net", {front: ("shop/front", "shop/db")})

    with running(api, inherit=inherit) as its:
        assert asked.acquire(timeout=30 * PATIENCE)
        assert its.outlet.log == [] and its.watcher.health()[0] is False
        known.set()
        its.marked_after()
        assert its.stands()["10.96.0.10 80"] == ("shop/front", ("shop/db", "shop/front"))
