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
from producers.identity.inventory import HostInventory
from producers.identity.last_snapshot import SnapshotFile
from producers.identity.name_rules import load_names
from producers.identity.resolver import VANISHED_LIMIT, PathResolver
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
from schemas.topics import FLOWS_TOPIC
from schemas.wire.framing import Framer
from schemas.wire.schema_files import released

if TYPE_CHECKING:
    from producers.observe.metrics import Bounds

__all__ = ["AgentSettings", "run_agent"]

log = logging.getLogger("weir.agent")


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
        journal, spool = self._stores(settings)
        self._exit.callback(journal.close)
        probe = open_probe(self._root, map_entries=settings.map_entries, domain_entries=_domain_entries(settings))
        self._exit.callback(self._leave_kernel, probe)
        boot_id = identity.boot_id()
        state = recovery.next_state(
            journal.read(), probe.adopted, boot_id, self._clock.now_us(), recovery.account(probe.lost()), spool.next_seq
        )
        looks = SnapshotFile(settings.state_dir / "last-look", boot_id)
        resolver = PathResolver(self._node_id, self._root, mount.resolve(), rules)
        inventory = HostInventory(self._root, resolver, resolver.node_workload)
        source = Source(self._node_id, state.epoch, settings.region, settings.network, settings.zone, settings.agent_version)
        encoder = BatchEncoder(_framer(settings))
        self._collector = Collector(probe, inventory, spool, journal, looks, self._clock, encoder, source, state, settings.batch_flows)
        self._spool = spool
        self._resolver = resolver
        self._zone = self._find_zone()
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

    def _find_zone(self) -> ZoneFinder | None:
        """Asks for the zone meanwhile; None where it is known already, or nobody is there to tell."""
        settings = self._settings
        cloud = CLOUDS[settings.cloud] if settings.cloud else cloud_of()
        if settings.zone or cloud is None:
            return None
        finder = ZoneFinder(cloud, settings.metadata_address)
        finder.start()
        self._exit.callback(finder.close)
        return finder

    def _answer_scrapes(self) -> None:
        from producers.observe.endpoint import serve  # where no port is wanted, nobody pays for it
        from producers.observe.metrics import AgentMetrics

        settings = self._settings
        programs = sources.stamp(settings.map_entries, _domain_entries(settings))
        build = {"version": settings.agent_version, "programs": programs, "kernel": os.uname().release}
        place = {"node_id": self._node_id, "region": settings.region, "network": settings.network}
        metrics = AgentMetrics(
            self._progress,
            self._sender,
            self._publisher,
            self._spool,
            self._bounds(),
            build,
            lambda: {**place, "zone": self._known_zone()},
        )
        self._exit.callback(serve(settings.metrics_address, settings.metrics_port, metrics).close)

    def _bounds(self) -> Bounds:
        """Everything of the agent that is bounded. A new bound is a line here."""
        messages, size = self._publisher.queue_limits
        return {
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

    def _known_zone(self) -> str:
        return self._zone.zone if self._zone is not None else self._settings.zone

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
        self._collector.set_zone(self._known_zone())
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
