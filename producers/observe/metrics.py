"""The agent's metrics and health, put together from what its parts have noted. Every bound has how much of it is in use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bpf.layout import LOSS_REASONS
from bpf.probe import Lost
from producers.observe.progress import Progress, Verdict
from producers.observe.text_format import Family, Sample, render
from producers.publish.publisher import Publisher
from producers.publish.sender import Sender
from producers.spool.spool import Spool

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


Bounds = Mapping[str, tuple[Callable[[], float], float]]
"""By name, which holds the unit: how much is in use (asked by the thread that answers scrapes), and what it holds at most."""


class AgentMetrics:
    def __init__(
        self,
        progress: Progress,
        sender: Sender,
        publisher: Publisher,
        spool: Spool,
        bounds: Bounds,
        build: Mapping[str, str],
        node: Callable[[], Mapping[str, str]],
        api_heard: Callable[[], bool] | None = None,
    ) -> None:
        """`build`: labels that tell this build from others. `node`: labels of the node, asked for each scrape: a zone is learned later.

        `api_heard`: None where no API server of Kubernetes is asked.
        """
        self.progress = progress
        self.sender = sender
        self.publisher = publisher
        self.spool = spool
        self.bounds = bounds
        self.build = build
        self.node = node
        self.api_heard = api_heard
        self.started = time.time()

    def text(self) -> str:
        return render((*self._bounded(), *self._windows(), *self._losses(), *self._kafka(), *self._kubernetes(), *self._process()))

    def health(self) -> Verdict:
        """Fit while windows are taken in time. Kafka may be away: counting goes on, and the spool holds what is counted."""
        fit, line = self.progress.verdict()
        windows = len(self.spool)
        waiting = f"{windows} windows wait in the spool, {self.spool.disk_bytes} bytes on disk."
        if self.publisher.trouble:
            return Verdict(fit, f"{line} {self.publisher.trouble} {waiting}")
        since = "took the last batch" if self.sender.acknowledged else "has taken nothing since the start,"
        return Verdict(fit, f"{line} Kafka {since} {self.sender.age:.0f} s ago. {waiting}")

    def _bounded(self) -> Iterator[Family]:
        used = [Sample(used(), {"bound": name}) for name, (used, _) in self.bounds.items()]
        limits = [Sample(limit, {"bound": name}) for name, (_, limit) in self.bounds.items()]
        yield Family("weir_agent_used", "gauge", "How much of each bounded part of the agent is in use.", used)
        yield Family("weir_agent_limit", "gauge", "What each bounded part of the agent holds at most.", limits)

    def _windows(self) -> Iterator[Family]:
        progress = self.progress
        yield _counter("weir_agent_windows_total", "Windows taken from the kernel.", progress.windows)
        yield _counter("weir_agent_windows_missed_total", "Ends of windows missed; their counts went with the next.", progress.missed)
        yield _counter("weir_agent_flows_total", "Flows of the windows taken.", progress.flows)
        yield _counter("weir_agent_packets_total", "Packets of these flows.", progress.packets)
        yield _counter("weir_agent_bytes_total", "Layer 3 bytes of these flows.", progress.bytes)
        yield _gauge("weir_agent_window_age_seconds", "Seconds since a window was taken, or since the start.", progress.age)
        took = "How long taking a window took, from the swap to its being on the disk."
        yield Family("weir_agent_window_close_seconds", "histogram", took, progress.close_seconds.samples())

    def _losses(self) -> Iterator[Family]:
        """Of the kernel side since it was attached, of the spool since this process began. Reasons that never occurred are 0."""
        kernel = {reason: Lost(reason, 0, 0) for reason in LOSS_REASONS} | {lost.reason: lost for lost in self.progress.lost}
        spool = self.spool.given_up.totals()
        agent_labels = {reason: {"stage": "agent", "reason": reason} for reason in kernel}
        spool_labels = {reason: {"stage": "spool", "reason": reason} for reason in spool}
        packets = [Sample(lost.packets, agent_labels[reason]) for reason, lost in kernel.items()]
        packets += [Sample(total.packets, spool_labels[reason]) for reason, total in spool.items()]
        sizes = [Sample(lost.bytes, agent_labels[reason]) for reason, lost in kernel.items()]
        sizes += [Sample(total.bytes, spool_labels[reason]) for reason, total in spool.items()]
        flows = [Sample(total.flows, spool_labels[reason]) for reason, total in spool.items()]
        events = [Sample(lost.events, agent_labels[reason]) for reason, lost in kernel.items()]
        yield Family("weir_agent_lost_packets_total", "counter", "Packets that could not be counted or kept.", packets)
        yield Family("weir_agent_lost_bytes_total", "counter", "Layer 3 bytes of these packets.", sizes)
        yield Family("weir_agent_lost_flows_total", "counter", "Flows that the spool gave up.", flows)
        yield Family(
            "weir_agent_lost_events_total", "counter", "Connection events that were not counted, and DNS answers not kept.", events
        )

    def _kafka(self) -> Iterator[Family]:
        sender = self.sender
        yield _gauge("weir_agent_spooled_windows", "Windows that Kafka has not acknowledged yet.", len(self.spool))
        yield _counter("weir_agent_batches_published_total", "Batches that Kafka has acknowledged.", sender.acknowledged)
        yield _counter("weir_agent_batches_failed_total", "Tries to publish a batch that failed; it is sent again.", sender.refused)
        age = "Seconds since Kafka acknowledged a batch, or since the start."
        yield _gauge("weir_agent_acknowledgement_age_seconds", age, sender.age)
        yield _gauge("weir_agent_kafka_reachable", "0 while the Kafka client says that no broker can be used.", not self.publisher.trouble)

    def _kubernetes(self) -> Iterator[Family]:
        if self.api_heard is not None:
            meaning = "0 while the API server's watch of this node's pods is not heard."
            yield _gauge("weir_agent_kubernetes_reachable", meaning, self.api_heard())

    def _process(self) -> Iterator[Family]:
        """The last ones by the names that Prometheus' client libraries give them."""
        yield Family("weir_agent_build_info", "gauge", "What runs: weir, its BPF programs, the kernel.", (Sample(1, self.build),))
        yield Family("weir_agent_node_info", "gauge", "Where it runs.", (Sample(1, self.node()),))
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
        yield _gauge("process_resident_memory_bytes", "Resident memory.", resident)
        yield _counter("process_cpu_seconds_total", "User and system CPU time.", time.process_time())
        yield _gauge("process_start_time_seconds", "When the process began, in seconds since the epoch.", self.started)
        yield _gauge("process_open_fds", "Open file descriptors.", len(os.listdir("/proc/self/fd")))


def _counter(name: str, meaning: str, value: float) -> Family:
    return Family(name, "counter", meaning, (Sample(value),))


def _gauge(name: str, meaning: str, value: float) -> Family:
    return Family(name, "gauge", meaning, (Sample(value),))
