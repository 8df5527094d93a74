"""The longest prefix that matches, against the slow and obvious way; and what of a block leaves for another region."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records.flow_batch import FLOW_DTYPES, FlowBatch, Loss
from schemas.records.histogram import histogram_of_lists
from schemas.wire.codec import decode_batch
from schemas.wire.framing import Framer, unframe
from schemas.wire.schema_files import released
from streams.columns.merged import merge_batches
from streams.forwarding.regions import HERE, Prefix, Regions
from streams.forwarding.split import ForwardedBatch, loss_report, split_by_region
from tests.streams.support import address, batch, heartbeats

ADDRESSES = st.one_of(
    st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address),
    st.integers(0x0A000000, 0x0A0000FF).map(ipaddress.IPv4Address),
    st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address),
)
NETWORKS = st.builds(
    lambda ip, share: ipaddress.ip_network((ip, round(share * ip.max_prefixlen)), strict=False),
    ADDRESSES,
    st.sampled_from([0, 0.25, 0.5, 0.9, 1]),
)
NAMES = st.sampled_from(["eu", "us", "ap"])


def packed(ips: list[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> np.ndarray:
    rows = [ip.packed if ip.version == 6 else bytes(10) + b"\xff\xff" + ip.packed for ip in ips]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 16)


def obvious(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, prefixes: list[Prefix]) -> str:
    hits = [(network.prefixlen, region) for network, region in prefixes if ip.version == network.version and ip in network]
    stays = ip.is_loopback or ip.is_link_local or ip.is_multicast or ip == ipaddress.IPv4Address("255.255.255.255")
    return max(hits)[1] if hits and not stays else "eu"


@given(st.dictionaries(NETWORKS, NAMES, max_size=6), st.lists(ADDRESSES, max_size=20), st.data())
def test_the_longest_prefix_wins(networks: dict[ipaddress.IPv4Network, str], ips: list[ipaddress.IPv4Address], data: st.DataObject) -> None:
    prefixes = list(networks.items())
    inside = [data.draw(st.sampled_from([network[0], network[-1]])) for network in networks]
    asked = [ip for ip in (*ips, *inside) if ip.version == 4 or ip.ipv4_mapped is None]
    regions = Regions("eu", prefixes)
    found = [regions.home if number == HERE else regions.names[number] for number in regions.of(packed(asked)).tolist()]
    assert found == [obvious(ip, prefixes) for ip in asked]


def prefixes(*texts: str) -> list[Prefix]:
    return [(ipaddress.ip_network(network), region) for network, _, region in (text.partition("=") for text in texts)]


US_AND_AP = Regions("eu", prefixes("10.0.0.8/29=us", "10.0.0.16/28=ap", "10.0.0.0/24=eu"))


def crossing(batches: list[FlowBatch], regions: Regions = US_AND_AP) -> tuple[list[int], tuple[ForwardedBatch, ...]]:
    """Ports that stay (they stand for the last byte of the remote address), and what leaves."""
    kept, messages = split_by_region(merge_batches(batches, region="eu", network="blue"), regions)
    return kept.flows.service_port.tolist(), messages


def read(message: ForwardedBatch) -> FlowBatch:
    return decode_batch(unframe(message.value).body)


def test_flows_leave_by_region_as_they_were() -> None:
    said = heartbeats([(0, address(200), 0, 10)])
    first = replace(batch([7, 9, 17, 10, 3], workloads=("a", "checkout"), index=0, count=2, beats=said), losses=(Loss(0, "agent", "full"),))
    local, domain = np.array([0, 1, 1, 1, 0], np.uint32), np.array([0, 2, 1, 0, 0], np.uint32)
    rtt = histogram_of_lists([[], [], [7], [0, 5], [1]])
    first = replace(
        first, flows=replace(first.flows, local_workload=local, remote_domain=domain, rtt=rtt), zone="z1", domains=("a.org", "b.org")
    )
    stay, messages = crossing([first, batch([18], node="n2", window=4, epoch=9), batch([4])])
    assert stay == [7, 3, 4]
    assert [(m.region, m.key, m.flows) for m in messages] == [("ap", b"n1", 1), ("us", b"n1", 2), ("ap", b"n2", 1)]
    us = read(messages[1])
    assert us.flows.service_port.tolist() == [9, 10] and us.workloads == ("checkout",) and us.flows.local_workload.tolist() == [0, 0]
    assert (us.zone, us.domains, us.flows.remote_domain.tolist()) == ("z1", ("b.org",), [1, 0])
    assert us.flows.rtt.lists(2)[1].tolist() == [0, 5]
    for name in (name for name in FLOW_DTYPES if name not in ("local_workload", "remote_domain")):
        assert np.array_equal(getattr(us.flows, name), getattr(first.flows, name)[[1, 3]]), name
    assert (us.node_id, us.epoch, us.window_start_us, us.window_seconds, us.region) == ("n1", 1, 0, 10, "eu")
    assert (us.batch_count, len(us.heartbeats), us.losses) == (0, 0, ())
    assert (read(messages[2]).epoch, read(messages[2]).window_start_us) == (9, 40_000_000)


def test_the_identity_there_is_the_identity_here() -> None:
    """Region and network are written down: the other region's defaults are others."""
    unnamed = replace(batch([9, 10, 11]), region="", network="")
    (message,) = crossing([unnamed])[1]
    there = read(message)
    assert (there.region, there.network) == ("eu", "blue")
    here = merge_batches([unnamed], region="eu", network="blue").hashes()
    assert np.array_equal(merge_batches([there], region="us", network="red").hashes(), here)


def test_where_nothing_crosses_nothing_changes() -> None:
    joined = merge_batches([batch([1, 2, 3])], region="eu")
    assert split_by_region(joined, US_AND_AP) == (joined, ())
    assert split_by_region(joined, Regions("eu"))[0] is joined
    assert crossing([])[1] == ()


def test_a_lost_message_is_reported_by_its_flows() -> None:
    (message,) = crossing([batch([9, 10], epoch=5, window=3)])[1]
    key, value = loss_report(message.value, "outbox_full")
    report = decode_batch(unframe(value).body)
    (loss,) = report.losses
    assert (key, report.node_id, report.epoch, report.window_start_us, len(report.flows)) == (b"n1", "n1", 5, 30_000_000, 0)
    assert (loss.stage, loss.reason, loss.flows, loss.packets, loss.bytes) == ("forward", "outbox_full", 2, 4, 109 + 110 + 2)
    assert loss == decode_batch(unframe(loss_report(message.value, "outbox_full")[1]).body).losses[0]
    other = crossing([batch([9, 12], epoch=5, window=3)])[1][0]
    assert decode_batch(unframe(loss_report(other.value, "outbox_full")[1]).body).losses[0].id != loss.id


def test_what_crosses_to_older_workers_is_written_for_them() -> None:
    first = released("FlowBatch", 1)
    (message,) = split_by_region(merge_batches([replace(batch([9, 10]), zone="z1")], region="eu"), US_AND_AP, Framer(older=(first,)))[1]
    for value in (message.value, loss_report(message.value, "outbox_full")[1]):
        framed = unframe(value)
        assert framed.writer.fingerprint == first.fingerprint
        assert decode_batch(framed.body, framed.writer).zone == ""
    (loss,) = decode_batch(framed.body, framed.writer).losses
    assert (loss.flows, loss.packets) == (2, 4)


def test_nonsense_is_reported_as_far_as_a_counter_goes() -> None:
    odd = batch([9, 10, 11])
    odd = replace(odd, flows=replace(odd.flows, bytes_sent=np.full(3, 2**63 - 1, np.uint64)))
    (message,) = crossing([odd])[1]
    assert decode_batch(unframe(loss_report(message.value, "outbox_full")[1]).body).losses[0].bytes == 2**63 - 1


@pytest.mark.parametrize("text", ["127.0.0.1", "::1"])
def test_loopback_crosses_nowhere(text: str) -> None:
    everything = Regions("eu", prefixes("0.0.0.0/0=us", "::/0=us"))
    assert everything.of(packed([ipaddress.ip_address(text)])).tolist() == [HERE]
