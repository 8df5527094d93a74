"""Bytes, packets and folded keys against the links' own counters."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bpf.probe import Drained
from tests.bpf.conftest import Pair
from tests.bpf.support import CLIENT, SERVER, TCP, UDP, Flow, drain, end, flows_of, start, tell, total, traffic

CONNECTIONS, REQUEST, RESPONSE, HEAD = 23, 7919, 104_729, 16


def addresses(pair: Pair, family: str) -> tuple[str, str]:
    return getattr(pair.client, family), getattr(pair.server, family)


def undisturbed(exchange: Callable[[], Drained]) -> Drained:
    """What was counted of an exchange in which nothing was sent again. A machine with too much to do acknowledges late, which the kernel
    may take for a loss: bytes are sent twice then, and acknowledgements name them.
    """
    for _ in range(20):
        drained = exchange()
        if not drained.values["retransmits"].any():
            return drained
    raise AssertionError("something was sent again in each of 20 exchanges")


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_tcp_is_exact_and_folded_into_one_flow_a_side(pair: Pair, family: str) -> None:
    client_ip, server_ip = addresses(pair, family)

    def exchange() -> Drained:
        before = pair.begin()
        traffic(pair.client, "tcp", server_ip, 80, CONNECTIONS, REQUEST, RESPONSE)
        return pair.exact(before)

    drained = undisturbed(exchange)
    client, server = flows_of(drained, pair.client), flows_of(drained, pair.server)
    assert list(client) == [Flow(client_ip, server_ip, 80, TCP, CLIENT)]
    assert list(server) == [Flow(server_ip, client_ip, 80, TCP, SERVER)]
    for flows, sent, received in ((client, REQUEST + HEAD, RESPONSE), (server, RESPONSE, REQUEST + HEAD)):
        (counts,) = flows.values()
        assert counts["payload_bytes_sent"] == CONNECTIONS * sent
        assert counts["payload_bytes_received"] == CONNECTIONS * received
        assert counts["connections_opened"] == counts["connections_closed"] == CONNECTIONS
        assert counts["connections_failed"] == counts["connections_reset"] == 0
        assert counts["rtt_count"] >= CONNECTIONS
    assert pair.probe.lost() == ()


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_udp_is_exact_and_the_lower_port_is_the_service(pair: Pair, family: str) -> None:
    client_ip, server_ip = addresses(pair, family)
    before = pair.begin()
    traffic(pair.client, "udp", server_ip, 80, 101, 997)
    drained = pair.exact(before)
    client, server = flows_of(drained, pair.client), flows_of(drained, pair.server)
    assert list(client) == [Flow(client_ip, server_ip, 80, UDP, CLIENT)]
    assert list(server) == [Flow(server_ip, client_ip, 80, UDP, SERVER)]
    for counts in (*client.values(), *server.values()):
        assert counts["payload_bytes_sent"] == counts["payload_bytes_received"] == 101 * 997
        assert counts["packets_sent"] == counts["packets_received"] == 101


def test_super_packets_are_unrolled(pair: Pair) -> None:
    before = pair.begin()
    traffic(pair.client, "tcp", pair.server.ipv4, 80, 1, 15_485_863, 32_452_843)
    counts = total(pair.exact(before), pair.client)
    assert counts["packets_received"] > 32_452_843 // 1500


def test_segments_beyond_64_kib_have_the_headers_of_the_wire(pair: Pair) -> None:
    """Inside a pod, IPv6 segments grow so large that the kernel notes their length in a header that no wire ever sees."""

    def exchange() -> Drained:
        pair.begin()
        traffic(pair.server, "tcp", "::1", 81, 13, 7919, 1_000_003)
        return drain(pair.probe)

    with start(pair.server, "serve", 81) as server:
        flows = {flow.role: counts for flow, counts in flows_of(undisturbed(exchange), pair.server).items()}
        server.kill()
    for counts in flows.values():
        for way in ("sent", "received"):
            headers = counts[f"bytes_{way}"] - counts[f"payload_bytes_{way}"]
            assert headers == 72 * counts[f"packets_{way}"] + 8 * 13, "72 bytes a packet, 80 for a SYN"
    assert flows[CLIENT]["bytes_received"] == flows[SERVER]["bytes_sent"]


def test_a_connection_stays_one_flow_over_windows(pair: Pair) -> None:
    before = pair.begin()
    process = start(pair.client, "hold", pair.server.ipv4, 80, 7, 101, 103)
    assert total(pair.exact(before), pair.client)["connections_opened"] == 7
    before = pair.begin()
    tell(process)
    (counts,) = flows_of(pair.exact(before), pair.client).values()
    assert (counts["connections_opened"], counts["connections_closed"]) == (0, 0)
    assert counts["payload_bytes_sent"] == 7 * (101 + HEAD)
    before = pair.begin()
    end(process)
    assert total(pair.exact(before), pair.client)["connections_closed"] == 7


def test_times_are_the_first_and_the_last_packets(pair: Pair) -> None:
    pair.begin()
    started = time.monotonic_ns()
    traffic(pair.client, "tcp", pair.server.ipv4, 80, 3, 1, 1)
    ended = time.monotonic_ns()
    drained = drain(pair.probe)
    assert (drained.values["first_ns"] >= started).all()
    assert (drained.values["last_ns"] <= ended).all()
    assert (drained.values["first_ns"] < drained.values["last_ns"]).all()
