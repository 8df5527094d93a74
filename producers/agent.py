"""The agent: wakes at the end of each window, takes it from the kernel to the spool, and lets the sender publish it."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bpf import sources
from bpf.cgroup import find_cgroup2, resolve_cgroup
from bpf.probe import DOMAIN_ENTRIES, Probe, open_probe, remove_probe
from producers import node_identity as identity
from producers.capture.batches import Source
from producers.capture.clock import SystemClock
from producers.capture.collector import Account, Collector
from producers.capture.domains import REMEMBERED
from producers.capture.encode import BatchEncoder
from producers.capture.window import Window, is_late, window_at
from producers.identity.cgroup_births import BIRTH_LIMIT, WATCH_LIMIT, CgroupBirths
from producers.identity.inventory import HostInventory
from producers.identity.last_snapshot import SnapshotFile
from producers.identity.name_rules import load_names
from producers.identity.resolver import VANISHED_LIMIT, PathResolver
from producers.kubernetes.place import Place
from producers.losses import CARRIED_LIMIT
from producers.observe.progress import Progress
from producers.publish.publisher import Publisher
from producers.publish.sender import Sender
from producers.settings import AgentSettings
from producers.spool import recovery
from producers.spool.journal import Journal
from producers.spool.spool import MEMORY_BYTES, Spool
from producers.zone.clouds import CLOUDS, cloud_of
from producers.zone.finder import ZoneFinder
from producers.zone.node_place import NodePlace
from schemas.topics import FLOWS_TOPIC
from schemas.wire.framing import Framer
from schemas.wire.schema_files import released

if TYPE_CHECKING:
    from collections.abc import Callable

    from producers.kubernetes.node_watch import NodeWatch
    from producers.observe.metrics import Bounds

__all__ = ["AgentSettings", "run_agent"]

log = logging.getLogger("weir.agent")

FIRST_LIST_SECONDS = 5.0
"""How long the start waits for pods' names; the kernel counts meanwhile. Without them, names of an earlier agent hold."""


def run_agent(settings: AgentSettings, stop: threading.Event) -> None:
    """Collects and publishes until `stop` is set.

    Raises SettingError (names file, state directory, cgroup) and CaptureError (privileges, kernel) at the start.
    """
    with Agent(settings) as agent:
        agent.run(stop)


class Agent:
    """Everything that lives as long as the process. Opened whole or not at all."""

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self._exit = ExitStack()

    def __enter__(self) -> Agent:
        try:
            self._open()
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._exit.close()

    def run(self, stop: threading.Event) -> None:
        seconds = self._settings.window_seconds
        window = window_at(self._clock.now_us(), seconds)
        while not self._wait_until(window.end_us, stop):
            now_us = self._clock.now_us()
            if is_late(window, now_us) or now_us < window.start_us:
                log.warning("The end of window %s was missed; its counts go with the next one.", _time(window.start_us))
                self._progress.missed += 1
                self._collector.resume()
            else:
                self._close(window)
                self._sender.wake()
            window = window_at(self._clock.now_us(), seconds)
        self._end()

    def _open(self) -> None:
        settings = self._settings
        rules = load_names(settings.names_file)
        mount = find_cgroup2()
        self._root = resolve_cgroup(settings.cgroup)
        lock = identity.claim_state_dir(settings.state_dir)
        self._exit.callback(os.close, lock)
        self._node_id = identity.node_id(settings.node_id, settings.state_dir)
        self._watch = self._watch_pods()
        self._births = self._watch_births()
        journal, spool = self._stores(settings)
        self._exit.callback(journal.close)
        probe = open_probe(self._root, map_entries=settings.map_entries, domain_entries=_domain_entries(settings))
        self._exit.callback(self._leave_kernel, probe)
        boot_id = identity.boot_id()
        state = recovery.next_state(
            journal.read(), probe.adopted, boot_id, self._clock.now_us(), recovery.account(probe.lost()), spool.next_seq
        )
        looks = SnapshotFile(settings.state_dir / "last-look", boot_id)
        if self._watch is not None and not self._watch.wait(FIRST_LIST_SECONDS):
            log.warning("The API server has not told this node's pods yet: counting starts, with the names of an earlier agent.")
        resolver = PathResolver(self._node_id, self._root, mount.resolve(), rules, self._watch.pods if self._watch is not None else None)
        inventory = HostInventory(self._root, resolver, resolver.node_workload, self._births)
        self._place = self._find_place()
        place = self._place.update()
        source = Source(self._node_id, state.epoch, place.region, settings.network, place.zone, settings.agent_version)
        encoder = BatchEncoder(_framer(settings))
        self._collector = Collector(probe, inventory, spool, journal, looks, self._clock, encoder, source, state, settings.batch_flows)
        self._spool = spool
        self._resolver = resolver
        self._collector.start(settings.window_seconds)
        self._progress = Progress(settings.window_seconds)
        self._publisher = Publisher(settings.kafka_bootstrap, f"weir-agent-{self._node_id}", settings.kafka_config)
        self._sender = self._start_sender(spool)
        if settings.metrics_port:
            self._answer_scrapes()
        log.info("Counting %s as node %s, epoch %d, windows of %d s.", self._root, self._node_id, state.epoch, settings.window_seconds)

    def _stores(self, settings: AgentSettings) -> tuple[Journal, Spool]:
        try:
            return Journal(settings.state_dir / "journal"), Spool(settings.state_dir / "spool", settings.spool_bytes)
        except OSError as error:
            raise identity.unusable(settings.state_dir, error) from error

    def _start_sender(self, spool: Spool) -> Sender:
        sender = Sender(spool, self._publisher, FLOWS_TOPIC, self._node_id.encode())
        sender.start()
        sender.wake()
        self._exit.callback(self._finish, sender)
        return sender

    def _watch_pods(self) -> NodeWatch | None:
        """None where this is no pod of a cluster, or the cluster is not to be asked."""
        if not self._settings.kubernetes:
            return None
        from producers.kubernetes.api_client import ApiClient, in_cluster  # Elsewhere nobody pays for TLS.
        from producers.kubernetes.names_file import NamesFile
        from producers.kubernetes.node_watch import NodeWatch

        server = in_cluster()
        if server is None:
            return None
        node = self._settings.node_name or self._node_id
        watch = NodeWatch(lambda: ApiClient(server), node, NamesFile(self._settings.state_dir / "pod-names", node))
        watch.begin()
        self._exit.callback(watch.close)
        return watch

    def _watch_births(self) -> CgroupBirths | None:
        try:
            births = CgroupBirths(self._root)
        except OSError as error:
            log.warning("New cgroups cannot be watched (%s): what lives and ends within one window has no name.", error)
            return None
        births.start()
        self._exit.callback(births.close)
        return births

    def _find_place(self) -> NodePlace:
        """A cloud's metadata service is asked meanwhile, where there is one and nobody else tells the zone."""
        settings, watch = self._settings, self._watch
        cloud = CLOUDS[settings.cloud] if settings.cloud else cloud_of()
        finder = ZoneFinder(cloud, settings.metadata_address) if cloud is not None else None
        region = "" if watch is not None and settings.region_by_label else settings.region
        place = NodePlace(Place(settings.zone, region), (lambda: watch.place) if watch is not None else Place, finder)
        self._exit.callback(place.close)
        return place

    def _answer_scrapes(self) -> None:
        from producers.observe.endpoint import serve  # where no port is wanted, nobody pays for it
        from producers.observe.metrics import AgentMetrics

        settings, watch = self._settings, self._watch
        programs = sources.stamp(settings.map_entries, _domain_entries(settings))
        build = {"version": settings.agent_version, "programs": programs, "kernel": os.uname().release}
        node = {"node_id": self._node_id, "network": settings.network}
        metrics = AgentMetrics(
            self._progress,
            self._sender,
            self._publisher,
            self._spool,
            self._bounds(),
            build,
            lambda: {**node, "region": self._place.place.region, "zone": self._place.place.zone},
            (lambda: watch.alive) if watch is not None else None,
        )
        self._exit.callback(serve(settings.metrics_address, settings.metrics_port, metrics).close)

    def _bounds(self) -> Bounds:
        """Everything of the agent that is bounded. A new bound is a line here."""
        messages, size = self._publisher.queue_limits
        bounds: dict[str, tuple[Callable[[], float], float]] = {
            "flow_entries": (lambda: self._progress.entries, self._settings.map_entries),
            "domain_entries": (lambda: self._progress.domains, _domain_entries(self._settings)),
            "remembered_domains": (lambda: self._collector.remembered_domains, REMEMBERED),
            "spool_bytes": (lambda: self._spool.disk_bytes, self._settings.spool_bytes),
            "spool_memory_bytes": (lambda: self._spool.memory_bytes, MEMORY_BYTES),
            "producer_messages": (lambda: self._publisher.queued, messages),
            "producer_bytes": (lambda: self._sender.under_way_bytes, size),
            "carried_losses": (lambda: len(self._collector.state.carried), CARRIED_LIMIT),
            "vanished_cgroups": (lambda: self._resolver.vanished, VANISHED_LIMIT),
        }
        if (births := self._births) is not None:
            bounds["watched_cgroups"] = (lambda: births.watched, WATCH_LIMIT)
            bounds["born_cgroups"] = (lambda: births.kept, BIRTH_LIMIT)
        if (watch := self._watch) is not None:
            bounds["node_pods"] = (lambda: watch.pods.used, watch.pods.limit)
        return bounds

    def _wait_until(self, instant_us: int, stop: threading.Event) -> bool:
        """True when it is time to stop; False when the instant has come, or the clock was set back meanwhile."""
        while (left_us := instant_us - self._clock.now_us()) > 0:
            if left_us > (self._settings.window_seconds + 1) * 1_000_000:
                return stop.is_set()
            if stop.wait(left_us / 1_000_000):
                return True
        return stop.is_set()

    def _end(self) -> None:
        """Closes the running window early if the programs are to be removed; otherwise the next agent closes it."""
        if self._settings.remove_on_exit:
            self._close(window_at(self._clock.now_us(), self._settings.window_seconds))

    def _close(self, window: Window) -> None:
        begun = time.monotonic()
        place = self._place.update()
        self._collector.set_place(place.zone, place.region)
        account = self._collector.close_window(window)
        self._progress.taken(account, time.monotonic() - begun)
        self._report(account)

    def _finish(self, sender: Sender) -> None:
        if not sender.finish(self._settings.drain_seconds):
            log.warning("%d windows stay in the spool of %s for the next start.", len(self._spool), self._settings.state_dir)
        self._collector.save_risk()

    def _leave_kernel(self, probe: Probe) -> None:
        probe.close()
        if self._settings.remove_on_exit:
            remove_probe(self._root)

    def _report(self, account: Account) -> None:
        head = account.head
        lost = sum(loss.packets for loss in head.losses)
        log.info(
            "Window %s: %d flows, %d packets, %d bytes, %d packets lost; spool %d windows, %d bytes.",
            _time(account.window.start_us),
            head.flows,
            head.packets,
            head.traffic_bytes,
            lost,
            len(self._spool),
            self._spool.disk_bytes,
        )


def _framer(settings: AgentSettings) -> Framer:
    older = () if settings.flow_batch_version is None else (released("FlowBatch", settings.flow_batch_version),)
    if not settings.registry_url:
        return Framer(older=older)
    from producers.publish.registry import RegistryInChild
    from schemas.wire.registry import RegistryAddress

    return Framer(RegistryInChild(RegistryAddress(settings.registry_url, settings.registry_ca_file)), older)


def _domain_entries(settings: AgentSettings) -> int:
    return DOMAIN_ENTRIES if settings.domains else 0


def _time(instant_us: int) -> str:
    return datetime.fromtimestamp(instant_us / 1_000_000, UTC).strftime("%H:%M:%S")
