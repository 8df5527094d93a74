"""Group and link-local addresses: a reason of their own, no name by heartbeats, and each byte counted once."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.addresses import is_group, is_link_local, is_loopback, parse_address, parse_addresses
from schemas.records.flow_batch import ROLE_CLIENT, ROLE_SERVER, ROLE_UNKNOWN
from schemas.records.ip_event import IpEvent
from streams.attribution.cidr_labels import CidrLabels
from streams.ownership.map import OwnershipMap
from tests.streams.attribution.test_canonical import counts
from tests.streams.attribution.test_cidr_labels import a_map, said
from tests.streams.support import Said, address, statements, who

Address = IPv4Address | IPv6Address

EDGES = [
    *("223.255.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.254", "255.255.255.255"),
    *("169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0", "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"),
    *("fe7f:ffff::1", "fe80::", "febf:ffff::1", "fec0::", "feff:ffff::1", "ff00::", "::1", "::2", "::", "::e000:1", "::a9fe:1", "::7f00:1"),
]
ADDRESSES = (
    st.ip_addresses(v=4) | st.ip_addresses(v=6).filter(lambda one: one.ipv4_mapped is None) | st.sampled_from([*map(ip_address, EDGES)])
)
GROUP, LINK = "239.1.2.3", "169.254.169.254"


def slow(one: Address) -> tuple[bool, bool, bool]:
    return one.is_multicast or one == IPv4Address("255.255.255.255"), one.is_link_local, one.is_loopback


@given(st.lists(ADDRESSES, max_size=20))
@example([ip_address(text) for text in EDGES])
def test_the_kinds_are_those_of_the_standard_library(asked: list[Address]) -> None:
    table = parse_addresses(map(str, asked))
    found = zip(*(kind(table).tolist() for kind in (is_group, is_link_local, is_loopback)), strict=True)
    assert list(found) == [slow(one) for one in asked]


@pytest.mark.parametrize("text", [GROUP, "255.255.255.255", "ff02::1:2", LINK, "fe80::1"])
@pytest.mark.parametrize("seen", [True, False])
def test_no_heartbeat_names_what_others_have_too(text: str, seen: bool) -> None:
    known = a_map()
    ip = parse_address(text)
    known.learn(statements([Said("web", 0, 100, ip=ip, seen=seen), Said("web", 0, 100, ip=ip, port=80), Said("late", 70, 90, ip=ip)]))
    reason = "(link_local)" if text in (LINK, "fe80::1") else "(group)"
    assert who(known, 40, 50, ip) == who(known, 40, 50, ip, port=80) == who(known, 95, 99, ip) == reason


@pytest.mark.parametrize("text", [GROUP, LINK, "fe80::1"])
def test_an_event_names_it_for_as_long_as_it_says(text: str) -> None:
    known, ip = a_map(), parse_address(text)
    known.learn(statements([Said("web", 0, 20, ip=ip)]))
    known.learn_events([IpEvent("default", ip, "metadata", True, 100), IpEvent("default", ip, "metadata", False, 300)])
    assert who(known, 150, 160, ip) == "metadata"
    assert who(known, 400, 410, ip) == "(gap)"


class TestLabels:
    def test_a_label_for_such_addresses_names_them_on_every_link(self) -> None:
        known = a_map()
        known.learn(statements([Said("proxy", 0, 100, ip=parse_address(LINK), seen=True)]))
        labels = [(ip_network("169.254.169.254/32"), "metadata"), (ip_network("239.1.0.0/16"), "market"), (ip_network("fe80::/10"), "link")]
        answers = said(CidrLabels(labels), known, [LINK, GROUP, "fe80::1", "169.254.1.1", "239.2.0.1"])
        assert answers == ["metadata by cidr", "market by cidr", "link by cidr", "(link_local)", "(group)"]

    @pytest.mark.parametrize("wide", ["0.0.0.0/0", "169.0.0.0/8", "128.0.0.0/1", "::/0", "fe00::/8"])
    def test_a_label_for_a_larger_range_does_not_mean_them(self, wide: str) -> None:
        asked = [LINK, GROUP, "255.255.255.255", "fe80::1", "ff02::1"]
        answers = said(CidrLabels([(ip_network(wide), "outside")]), a_map(), asked)
        assert answers == ["(link_local)", "(group)", "(group)", "(link_local)", "(group)"]


class TestCanonical:
    ROLES = (ROLE_CLIENT, ROLE_SERVER, ROLE_UNKNOWN)

    @pytest.mark.parametrize("group", [parse_address("224.0.0.251"), parse_address("ff02::fb"), parse_address("255.255.255.255")])
    @pytest.mark.parametrize("role", ROLES)
    def test_the_sender_counts_and_no_receiver_beside_it(self, role: int, group: bytes) -> None:
        sender = address(1)
        assert counts(role, sender, group, agent=False)
        assert not counts(role, group, sender, agent=True)

    @pytest.mark.parametrize("role", ROLES)
    def test_receivers_count_where_the_sender_has_no_agent(self, role: int) -> None:
        assert counts(role, parse_address("224.0.0.251"), address(1), agent=False)

    def test_receivers_are_no_agents_of_the_group(self) -> None:
        known = OwnershipMap(gap_us=20, skew_us=3, window_us=10)
        known.learn(statements([Said("web", 0, 100, ip=parse_address(GROUP), seen=True)]))
        ids = known.evidence.find(
            ("default",), np.zeros(1, np.uint32), parse_addresses([GROUP]), np.zeros(1, np.uint8), np.zeros(1, np.uint16)
        )
        assert known.evidence.has_agent(ids).tolist() == [True]  # and yet the sender's view is the one that counts
        assert counts(ROLE_SERVER, address(1), parse_address(GROUP), agent=True)
