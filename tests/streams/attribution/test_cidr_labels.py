"""Labels and the internet, against the standard library's slow answers; and where a label must keep silent."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.addresses import parse_addresses
from schemas.arrays import U8
from schemas.records.ip_event import IpEvent
from streams.attribution.attribute import REASONS, SOURCES, Endpoints, attribute
from streams.attribution.cidr_labels import CidrLabels, Network
from streams.columns.prefixes import Prefixes
from streams.ownership.map import OwnershipMap
from tests.streams.support import Said, address, statements

V4_NEAR, V6_NEAR = int(IPv4Address("10.0.0.0")), int(IPv6Address("2001:db8::"))
ADDRESSES = st.one_of(
    st.integers(0, 31).map(lambda low: IPv4Address(V4_NEAR + low)),
    st.integers(0, 31).map(lambda low: IPv6Address(V6_NEAR + low)),
    st.ip_addresses(v=4),
    st.ip_addresses(v=6).filter(lambda one: one.ipv4_mapped is None),
)
NETWORKS = st.builds(
    lambda one, bits: ip_network((one, max(0, one.max_prefixlen - bits)), strict=False), ADDRESSES, st.integers(0, 6) | st.integers(0, 128)
)
BROADCAST = IPv4Address("255.255.255.255")
UNSETTLED = [*map(ip_network, ("192.0.0.0/24", "2001::/23", "2002::/16", "3fff::/20"))]
"""Ranges where Python's versions disagree, or take single addresses out."""


def packed(addresses: list[IPv4Address | IPv6Address]) -> U8:
    return parse_addresses(map(str, addresses))


def longest(networks: list[Network], one: IPv4Address | IPv6Address) -> int:
    holding = [at for at, network in enumerate(networks) if one in network]
    return max(holding, key=lambda at: networks[at].prefixlen, default=-1)


@given(st.lists(NETWORKS, max_size=12, unique=True), st.lists(ADDRESSES, max_size=12))
@example([ip_network("::/0")], [IPv4Address("1.2.3.4")])
@example([ip_network("0.0.0.0/0"), ip_network("1.2.3.4/32")], [IPv4Address("1.2.3.4"), IPv6Address("::1.2.3.4")])
def test_the_longest_prefix_is_found(networks: list[Network], asked: list[IPv4Address | IPv6Address]) -> None:
    assert Prefixes(networks).find(packed(asked)).tolist() == [longest(networks, one) for one in asked]


@given(st.lists(NETWORKS, max_size=12, unique=True))
def test_networks_end_where_they_end(networks: list[Network]) -> None:
    ends = [int(end) + step for one in networks for end, step in ((one.network_address, -1), (one.broadcast_address, 1))]
    asked: list[IPv4Address | IPv6Address] = [IPv4Address(end) for end in ends if 0 <= end < 1 << 32]
    asked += [IPv6Address(end) for end in ends if 0 <= end < 1 << 128 and end >> 32 != 0xFFFF]
    assert Prefixes(networks).find(packed(asked)).tolist() == [longest(networks, one) for one in asked]


@given(st.lists(ADDRESSES | st.sampled_from([*map(ip_address, ("64:ff9b::1", "fec0::1", "ff02::1", "2002::1", "2606::1"))]), max_size=12))
def test_external_is_what_is_global(asked: list[IPv4Address | IPv6Address]) -> None:
    for one, answer in zip(asked, said(CidrLabels(), a_map(), [*map(str, asked)]), strict=True):
        site_local = isinstance(one, IPv6Address) and one.is_site_local
        public = one.is_global and not (one.is_multicast or one.is_reserved or site_local)
        if one.is_loopback:
            assert answer == "(shared)"
        elif one.is_multicast or one == BROADCAST:
            assert answer == "(group)"
        elif one.is_link_local:
            assert answer == "(link_local)"
        elif any(one in network for network in UNSETTLED):
            assert answer == "(unknown)"
        else:
            assert answer == ("(external)" if public else "(unknown)")


LABELS: list[tuple[IPv4Network | IPv6Network, str]] = [
    (ip_network("10.0.0.0/8"), "onprem"),
    (ip_network("10.0.0.128/25"), "printers"),
    (ip_network("93.184.0.0/16"), "partner"),
    (ip_network("fd00::/8"), "lab"),
]


def a_map() -> OwnershipMap:
    return OwnershipMap(gap_us=20, skew_us=3, window_us=10)


def said(outside: CidrLabels, known: OwnershipMap, ips: list[str], first: int = 50, last: int = 60, listening: bool = False) -> list[str]:
    """A name with its source, or the reason in brackets."""
    rows = len(ips)
    ends = Endpoints(
        names=("default",),
        network=np.zeros(rows, np.uint32),
        ip=parse_addresses(ips),
        protocol=np.full(rows, 6, np.uint8),
        service_port=np.full(rows, 80, np.uint16),
        listening=np.full(rows, listening),
        first_us=np.full(rows, first, np.int64),
        last_us=np.full(rows, last, np.int64),
    )
    found = outside.name(known, ends.ip, attribute(known, ends))
    answers = []
    for owner, source, reason in zip(found.owner.tolist(), found.source.tolist(), found.reason.tolist(), strict=True):
        assert (SOURCES[source] == "none") == (REASONS[reason] != "")
        answers.append(f"({REASONS[reason]})" if reason else f"{known.names.texts[owner]} by {SOURCES[source]}")
    return answers


def test_a_label_names_what_nobody_ever_spoke_for() -> None:
    asked = ["10.0.0.1", "10.0.0.129", "93.184.216.34", "93.185.0.1", "fd00::9", "172.16.0.1", "fe80::1", "224.0.0.1", "127.0.0.1"]
    assert said(CidrLabels(LABELS), a_map(), asked) == [
        *("onprem by cidr", "printers by cidr", "partner by cidr", "(external)", "lab by cidr"),
        *("(unknown)", "(link_local)", "(group)", "(shared)"),
    ]


class TestBesideOwners:
    def test_heartbeats_and_events_go_before_labels(self) -> None:
        known = a_map()
        known.learn(statements([Said("pod", 0, 100)]))
        known.learn_events([IpEvent("default", address(2), "lb", True, 10)])
        assert said(CidrLabels(LABELS), known, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) == [
            "pod by heartbeat",
            "lb by ip_event",
            "onprem by cidr",
        ]

    def test_where_an_owner_is_known_at_any_time_no_label_steps_in(self) -> None:
        known = a_map()
        known.learn(statements([Said("pod", 0, 40), Said("other", 0, 90, ip=address(3)), Said("another", 55, 90, ip=address(3))]))
        known.learn_events([IpEvent("default", address(2), "lb", True, 10), IpEvent("default", address(2), "lb", False, 20)])
        assert said(CidrLabels(LABELS), known, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) == ["(gap)", "(gap)", "(ambiguous)"]

    def test_an_address_that_is_known_by_its_listeners_only_is_shared(self) -> None:
        known = a_map()
        known.learn(statements([Said("web", 0, 100, port=443)]))
        assert said(CidrLabels(LABELS), known, ["10.0.0.1"], listening=True) == ["(shared)"]

    def test_an_agent_that_counts_flows_there_is_word_enough(self) -> None:
        known = a_map()
        known.learn(statements([Said("pod", 0, 100, seen=True), Said("pod", 0, 100, ip=address(9))]))
        assert said(CidrLabels(LABELS), known, ["10.0.0.1"]) == ["(unknown)"]

    def test_labels_hold_in_every_network(self) -> None:
        known = a_map()
        known.learn(statements([Said("pod", 0, 100, network="other")]))
        assert said(CidrLabels(LABELS), known, ["10.0.0.1"]) == ["onprem by cidr"]

    def test_an_owner_may_be_called_as_a_label_is(self) -> None:
        known = a_map()
        known.learn(statements([Said("onprem", 0, 100)]))
        assert said(CidrLabels(LABELS), known, ["10.0.0.1", "10.0.0.2"]) == ["onprem by heartbeat", "onprem by cidr"]
