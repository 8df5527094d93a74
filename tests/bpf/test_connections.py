"""What becomes of connections: reset, retransmitted, slow, older than the programs."""

from __future__ import annotations

import subprocess

from bpf.probe import Drained, open_probe, remove_probe
from tests.bpf.conftest import Pair
from tests.bpf.support import (
    CLIENT,
    SERVER,
    answer,
    ask,
    drain,
    end,
    flows_of,
    on_link,
    output,
    since,
    start,
    tell,
    total,
    traffic,
)
from tests.support.processes import wait_for
from weir.lab import Lab

SAMPLES_APART_US = 100_000
"""weir.c's RTT_INTERVAL_NS."""


def test_a_reset_is_counted_once_on_both_sides(pair: Pair) -> None:
    pair.begin()
    traffic(pair.client, "reset", pair.server.ipv4, 80, 11)
    drained = drain(pair.probe)
    for pod in (pair.client, pair.server):
        counts = total(drained, pod)
        assert counts["connections_reset"] == counts["connections_opened"] == counts["connections_closed"] == 11
        assert counts["connections_failed"] == 0


def test_what_a_broken_link_makes_the_client_send_again(pair: Pair) -> None:
    pair.begin()
    already = retransmitted(pair)
    process = start(pair.client, "hold", pair.server.ipv4, 80, 3, 7919, 1)
    pair.server.set_link(False)
    ask(process)
    wait_for(lambda: retransmitted(pair) - already >= 3, 60, "three segments to be sent again")
    pair.server.set_link(True)
    answer(process)
    end(process)
    client = total(drain(pair.probe), pair.client)
    assert client["retransmits"] == retransmitted(pair) - already
    assert client["payload_bytes_sent"] > 3 * (7919 + 16), "what is sent again is sent"
    assert client["connections_opened"] == client["connections_closed"] == 3


def test_round_trip_samples_are_the_sockets_own(pair: Pair) -> None:
    """Of connections too short for two of them: a busy machine keeps one now and then for longer, and all are made again."""

    def measured() -> tuple[list[int], Drained] | None:
        pair.begin()
        said = [[int(word) for word in line.split()] for line in output(pair.client, "rtt", pair.server.ipv4, 80, 23).splitlines()]
        drained = drain(pair.probe)
        return ([rtt_us for rtt_us, _, _ in said], drained) if max(lasted_us for _, _, lasted_us in said) < SAMPLES_APART_US else None

    of_sockets, drained = wait_for(measured, 30, "23 short connections")
    client = total(drained, pair.client)
    assert (client["rtt_count"], client["rtt_us_sum"]) == (23, sum(of_sockets))
    (largest,) = drained.values["rtt_us_max"][drained.keys["role"] == CLIENT]
    assert largest == max(of_sockets)


def retransmitted(pair: Pair) -> int:
    """The kernel's own count of the client's namespace."""
    text = pair.client.run(["cat", "/proc/net/snmp"], stdout=subprocess.PIPE, text=True).stdout
    names, values = (line.split() for line in text.splitlines() if line.startswith("Tcp:"))
    return int(dict(zip(names, values, strict=True))["RetransSegs"])


def test_sockets_older_than_the_programs_are_counted_from_the_first_packet_on() -> None:
    with Lab("test-bpf-old") as lab:
        client, server = lab.node("n1").pod("client"), lab.node("n2").pod("server")
        with start(server, "serve", 80):
            held = [start(client, "hold", address, 80, 5, 7919, 997) for address in (server.ipv4, server.ipv6)]
            probe = open_probe(lab.cgroup)
            for pod in (client, server):
                pod.set_offloads(False)
            before = {pod: pod.counters() for pod in (client, server)}
            for process in held:
                tell(process)
                end(process)
            drained = drain(probe)
            flows = flows_of(drained, client) | flows_of(drained, server)
            for pod in (client, server):
                assert on_link(total(drained, pod)) == since(pod.counters(), before[pod])
            lab.kill()
        probe.close()
        remove_probe(lab.cgroup)
    roles = {(flow.local, flow.port): flow.role for flow in flows}
    assert roles == {(client.ipv4, 80): CLIENT, (client.ipv6, 80): CLIENT, (server.ipv4, 80): SERVER, (server.ipv6, 80): SERVER}
    for flow, counts in flows.items():
        sent, received = (7919 + 16, 997) if flow.role == CLIENT else (997, 7919 + 16)
        assert (counts["payload_bytes_sent"], counts["payload_bytes_received"]) == (5 * sent, 5 * received)
        assert counts["connections_opened"] == counts["connections_closed"] == 0, "their handshakes were not seen"
        assert counts["rtt_count"] > 0
