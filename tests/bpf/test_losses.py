"""A map that is too small: what is missing in the flows stands in the losses, to the byte."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bpf.probe import Probe, open_probe, remove_probe
from tests.bpf.support import drain, since, start, total, traffic
from weir.lab import Lab, Pod

ENTRIES, PORTS = 64, 211


@pytest.fixture
def crowded() -> Iterator[tuple[Pod, Pod, Probe]]:
    with Lab("test-bpf-small") as lab:
        client, server = lab.node("n1").pod("client"), lab.node("n2").pod("server")
        for pod in (client, server):
            pod.set_offloads(False)
        probe = open_probe(lab.nodes[0].cgroup, map_entries=ENTRIES)
        with start(server, "serve", 80):
            yield client, server, probe
            lab.kill()
        probe.close()
        remove_probe(lab.nodes[0].cgroup)


def test_flows_and_losses_add_up_to_what_the_link_carried(crowded: tuple[Pod, Pod, Probe]) -> None:
    client, server, probe = crowded
    before = client.counters()
    server.set_link(False)  # nobody answers "port unreachable": such answers are no socket's traffic
    traffic(client, "spray", server.ipv4, 1000, PORTS, 997)
    traffic(client, "spray", server.ipv6, 1000, PORTS, 991)
    server.set_link(True)
    traffic(client, "tcp", server.ipv4, 80, 7, 7919, 104_729)
    drained = drain(probe)
    counts, (lost,) = total(drained, client), probe.lost()
    link = since(client.counters(), before)
    assert len(drained) == ENTRIES
    assert lost.reason == "map_full"
    assert lost.events == 14, "seven connections opened and closed"
    assert counts["packets_sent"] + counts["packets_received"] + lost.packets == link.packets_sent + link.packets_received
    assert counts["bytes_sent"] + counts["bytes_received"] + lost.bytes == link.bytes_sent + link.bytes_received


def test_an_emptied_map_has_room_again(crowded: tuple[Pod, Pod, Probe]) -> None:
    client, server, probe = crowded
    traffic(client, "spray", server.ipv4, 1000, PORTS, 11)
    assert (len(drain(probe)), probe.lost()[0].packets) == (ENTRIES, PORTS - ENTRIES)
    traffic(client, "spray", server.ipv4, 1000, ENTRIES, 11)
    assert (len(drain(probe)), probe.lost()[0].packets) == (ENTRIES, PORTS - ENTRIES)
