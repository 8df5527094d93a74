"""Names of IP protocols: those that one meets, as /etc/protocols spells them. Others go by their number in digits."""

from __future__ import annotations

from schemas.errors import Unreadable

TCP, UDP = 6, 17

_NAMES = {
    0: "hopopt",
    1: "icmp",
    2: "igmp",
    4: "ipencap",
    6: "tcp",
    8: "egp",
    17: "udp",
    27: "rdp",
    33: "dccp",
    41: "ipv6",
    46: "rsvp",
    47: "gre",
    50: "esp",
    51: "ah",
    58: "ipv6-icmp",
    88: "eigrp",
    89: "ospf",
    94: "ipip",
    97: "etherip",
    103: "pim",
    108: "ipcomp",
    112: "vrrp",
    115: "l2tp",
    124: "isis",
    132: "sctp",
    133: "fc",
    136: "udplite",
    137: "mpls-in-ip",
    142: "rohc",
}

TCP, UDP = 6, 17

PROTOCOL_NAMES: tuple[str, ...] = tuple(_NAMES.get(number, str(number)) for number in range(256))
"""By number."""

PROTOCOL_NUMBERS: dict[str, int] = {
    **{name: number for number, name in enumerate(PROTOCOL_NAMES)},
    **{str(number): number for number in range(256)},
    "icmp6": 58,
    "icmpv6": 58,
    "ospfigp": 89,
}
"""By name or by number in digits."""


def parse_protocol(text: str | int) -> int:
    """The number of a protocol that is given by name (in any case) or by number. Raises Unreadable."""
    if isinstance(text, int) and not isinstance(text, bool):
        number = text if 0 <= text < 256 else None
    else:
        number = PROTOCOL_NUMBERS.get(text.lower()) if isinstance(text, str) else None
    if number is None:
        raise Unreadable(f"protocol {ascii(text)[:60]} is unknown; write a name like tcp or udp, or a number from 0 to 255.")
    return number
