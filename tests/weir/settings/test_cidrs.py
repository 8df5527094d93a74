"""WEIR_CIDRS is read as written, or refused with the part at fault."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.settings.cidrs import parse_cidrs

NETWORKS = st.one_of(
    st.builds(lambda a, n: ipaddress.ip_network((a, n), strict=False), st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds(lambda a, n: ipaddress.ip_network((a, n), strict=False), st.ip_addresses(v=6), st.integers(0, 128)).filter(
        lambda network: network.network_address.ipv4_mapped is None
    ),
)
LABELS = st.text("abcdefghij-_.0123456789 /=é", min_size=1).filter(lambda text: text == text.strip())


@given(st.dictionaries(NETWORKS, LABELS, max_size=8))
def test_what_is_written_is_read(wanted: dict[ipaddress.IPv4Network, str]) -> None:
    for separator in (" , ", "\n", ",\n"):
        text = separator.join(f"{network} = {label}" for network, label in wanted.items())
        assert dict(parse_cidrs(text)) == wanted


def test_a_range_of_mapped_addresses_is_the_ipv4_range() -> None:
    assert parse_cidrs("::ffff:10.0.0.0/104=a,::fffe:0:0/95=b") == (
        (ipaddress.ip_network("10.0.0.0/8"), "a"),
        (ipaddress.ip_network("::fffe:0:0/95"), "b"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.0/8", "'10.0.0.0/8' has no label"),
        ("10.0.0.0/8=", "has no label"),
        ("10.0.0.0/33=a", "10.0.0.0/33"),
        ("10.0.0.1/8=a", "host bits"),
        ("nowhere=a", "nowhere"),
        ("10.0.0.0/8=a,::ffff:10.0.0.0/104=b", "10.0.0.0/8 appears twice"),
        ("10.0.0.0/8=a,10.0.0.0/8=b", "appears twice, as 'a' and as 'b'"),
        ("10.0.0.0/8=a\x07", "control characters"),
        ("10.0.0.0/8=" + "a" * 513, "over 512 bytes"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_cidrs(text)
