"""A lab of two pods on two nodes and a probe over both, shared by a module's tests. Needs root and a set-up machine: 'make setup'."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from bpf.probe import Drained, Probe, open_probe
from tests.bpf.support import drain, on_link, since, start, total
from weir.lab import InterfaceCounters, Lab, Pod


@dataclass
class Pair:
    """A client and a server pod, and a probe on the cgroup above both. Links carry frames as a wire does."""

    lab: Lab
    client: Pod
    server: Pod
    probe: Probe

    def begin(self) -> dict[str, InterfaceCounters]:
        """Empties the probe; returns the links' counters to compare with later."""
        drain(self.probe)
        return {pod.workload: pod.counters() for pod in (self.client, self.server)}

    def exact(self, before: dict[str, InterfaceCounters]) -> Drained:
        """Drains, and holds what both pods counted against what their links did."""
        drained = drain(self.probe)
        for pod in (self.client, self.server):
            assert on_link(total(drained, pod)) == since(pod.counters(), before[pod.workload])
        return drained


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with Lab("test-bpf") as lab:
        client, server = lab.node("n1").pod("client"), lab.node("n2").pod("server")
        for pod in (client, server):
            pod.set_offloads(False)
        probe = open_probe(lab.cgroup)
        with start(server, "serve", 80):
            yield Pair(lab, client, server, probe)
            lab.kill()
        probe.close()
