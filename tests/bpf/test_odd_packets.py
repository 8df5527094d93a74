"""IPv6 extension headers, fragments, other protocols, UDP segmentation: followed, or counted as what they are."""

from __future__ import annotations

import socket
import struct

import pytest

from bpf.probe import Drained
from tests.bpf.conftest import Pair
from tests.bpf.support import CLIENT, TCP, UDP, UNKNOWN, Flow, drain, flows_of, start, total, traffic
from weir.lab import Pod

PORT = struct.pack("!HHHH", 50_000, 53, 8 + 97, 0) + bytes(97)
PADDING = bytes([0, 1, 4, 0, 0, 0, 0])  # an options header of 8 bytes without its first: no more length, one PadN
ICMP6 = 58
RAW = """
import socket, sys
family, target, packet = sys.argv[1:]
raw = socket.socket(int(family), socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.sendto(bytes.fromhex(packet), (target, 0))
"""


def send_raw(pod: Pod, target: str, packet: bytes) -> None:
    """A packet with all its headers, from a raw socket in the pod."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    pod.run(["python3", "-S", "-c", RAW, str(int(family)), target, packet.hex()])


def ipv6(pod: Pod, target: str, following: bytes, headers: list[int]) -> bytes:
    """An IPv6 packet whose extension headers (options, but empty ones) precede `following`, UDP."""
    chain = b""
    for kind in [*headers[1:], UDP] if headers else []:
        chain += bytes([kind]) + PADDING
    first = headers[0] if headers else UDP
    head = struct.pack("!IHBB", 6 << 28, len(chain) + len(following), first, 64)
    return head + socket.inet_pton(socket.AF_INET6, pod.ipv6) + socket.inet_pton(socket.AF_INET6, target) + chain + following


def after(pair: Pair, packet: bytes, target: str) -> Drained:
    pair.begin()
    send_raw(pair.client, target, packet)
    return drain(pair.probe)


def test_extension_headers_are_followed_to_the_ports(pair: Pair) -> None:
    packet = ipv6(pair.client, pair.server.ipv6, PORT, [0, 60, 60])
    drained = after(pair, packet, pair.server.ipv6)
    (flow, counts), *others = flows_of(drained, pair.client).items()
    assert flow == Flow(pair.client.ipv6, pair.server.ipv6, 53, UDP, CLIENT)
    assert not others
    assert (counts["packets_sent"], counts["bytes_sent"], counts["payload_bytes_sent"]) == (1, len(packet), 97)


def test_a_longer_chain_than_is_followed_is_counted_as_lost(pair: Pair) -> None:
    before = {lost.reason: lost for lost in pair.probe.lost()}
    packet = ipv6(pair.client, pair.server.ipv6, PORT, [60] * 7)
    drained = after(pair, packet, pair.server.ipv6)
    assert flows_of(drained, pair.client) == {}
    assert "extension_headers" not in before
    (lost,) = pair.probe.lost()
    assert (lost.reason, lost.packets, lost.bytes) == ("extension_headers", 1, len(packet))


@pytest.mark.parametrize(("offset", "port", "role"), [(0, 53, CLIENT), (1, 0, UNKNOWN)])
def test_ipv6_fragments(pair: Pair, offset: int, port: int, role: int) -> None:
    fragment = struct.pack("!BBHI", UDP, 0, offset << 3 | 1, 7)
    packet = ipv6(pair.client, pair.server.ipv6, fragment + PORT, [])
    packet = packet[:6] + bytes([44]) + packet[7:]
    (flow,) = (counts_of := flows_of(after(pair, packet, pair.server.ipv6), pair.client))
    assert flow == Flow(pair.client.ipv6, pair.server.ipv6, port, UDP, role)
    assert counts_of[flow]["bytes_sent"] == len(packet)


@pytest.mark.parametrize(("offset", "port", "role"), [(0, 53, CLIENT), (185, 0, UNKNOWN)])
def test_ipv4_fragments(pair: Pair, offset: int, port: int, role: int) -> None:
    addresses = socket.inet_aton(pair.client.ipv4) + socket.inet_aton(pair.server.ipv4)
    packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(PORT), 7, 0x2000 | offset, 64, UDP, 0) + addresses + PORT
    (flow,) = (counts_of := flows_of(after(pair, packet, pair.server.ipv4), pair.client))
    assert flow == Flow(pair.client.ipv4, pair.server.ipv4, port, UDP, role)
    assert counts_of[flow]["bytes_sent"] == len(packet)


def test_a_packet_without_its_ports_is_unreadable(pair: Pair) -> None:
    before = sum(lost.packets for lost in pair.probe.lost() if lost.reason == "unreadable")
    packet = ipv6(pair.client, pair.server.ipv6, PORT[:3], [])
    drained = after(pair, packet, pair.server.ipv6)
    assert flows_of(drained, pair.client) == {}
    (lost,) = [lost for lost in pair.probe.lost() if lost.reason == "unreadable"]
    assert (lost.packets, lost.bytes) == (before + 1, len(packet))


def test_protocols_without_ports_have_service_port_0(pair: Pair) -> None:
    echo = (
        "import socket; s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58);"
        f"s.sendto(bytes([128, 0]) + bytes(6 + 101), ('{pair.server.ipv6}', 0)); s.recv(2000)"
    )
    before = pair.begin()
    pair.client.run(["python3", "-S", "-c", echo])
    drained = drain(pair.probe)
    sent = [(flow, counts) for flow, counts in flows_of(drained, pair.client).items() if counts["bytes_sent"]]
    ((flow, counts),) = sent
    assert flow == Flow(pair.client.ipv6, pair.server.ipv6, 0, ICMP6, UNKNOWN)
    assert counts["bytes_sent"] == pair.client.counters().bytes_sent - before["client"].bytes_sent == 40 + 8 + 101


def test_udp_segmentation_is_unrolled(pair: Pair) -> None:
    sender = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(17, 103, 1009);"
        f"s.sendto(bytes(29 * 1009 + 11), ('{pair.server.ipv4}', 9))"
    )
    before = pair.begin()
    pair.client.run(["ethtool", "-K", pair.client.interface, "tx-udp-segmentation", "off"])
    pair.client.run(["python3", "-S", "-c", sender])
    counts = total(drain(pair.probe), pair.client)
    assert counts["packets_sent"] == 30 == pair.client.counters().packets_sent - before["client"].packets_sent
    assert counts["bytes_sent"] == pair.client.counters().bytes_sent - before["client"].bytes_sent


@pytest.mark.parametrize(("family", "header"), [("ipv4", 28), ("ipv6", 48)])
def test_a_datagram_larger_than_the_link_allows_is_one_packet(pair: Pair, family: str, header: int) -> None:
    pair.begin()
    traffic(pair.client, "udp", getattr(pair.server, family), 80, 3, 7919)
    drained = drain(pair.probe)
    for pod in (pair.client, pair.server):
        counts = total(drained, pod)
        assert counts["packets_sent"] == counts["packets_received"] == 3
        assert counts["bytes_sent"] == counts["bytes_received"] == 3 * (header + 7919)
        assert counts["payload_bytes_sent"] == counts["payload_bytes_received"] == 3 * 7919


def test_ports_that_are_equal_leave_the_role_open(pair: Pair) -> None:
    sender = f"import socket; s = socket.socket(2, 2); s.bind(('', 5353)); s.sendto(bytes(11), ('{pair.server.ipv4}', 5353))"
    pair.begin()
    pair.client.run(["python3", "-S", "-c", sender])
    assert list(flows_of(drain(pair.probe), pair.client)) == [Flow(pair.client.ipv4, pair.server.ipv4, 5353, UDP, UNKNOWN)]


def test_a_listener_on_a_high_port_is_the_server(pair: Pair) -> None:
    """Both ports are ephemeral ones here: only the socket's part in the handshake tells them apart."""
    target = f"('{pair.server.ipv4}', 65521)"
    low_client = f"import socket; s = socket.socket(); s.bind(('', 1025)); s.connect({target}); s.shutdown(1); s.recv(1); s.close()"
    server = start(pair.server, "serve", 65521)
    before = pair.begin()
    pair.client.run(["python3", "-S", "-c", low_client])
    drained = pair.exact(before)
    server.kill()
    server.communicate()
    assert list(flows_of(drained, pair.client)) == [Flow(pair.client.ipv4, pair.server.ipv4, 65521, TCP, CLIENT)]
    assert [flow.port for flow in flows_of(drained, pair.server)] == [65521]
