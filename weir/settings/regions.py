"""WEIR_REGION_CIDRS and WEIR_REGION_KAFKA: whose addresses lie where, and how the other regions are reached.

Both say the same in every region: `10.1.0.0/16=eu,10.2.0.0/16=us`, and for the others `us=kafka-1.us:9092;kafka-2.us:9092`.
"""

from __future__ import annotations

from schemas.topics import REGION_NAME
from weir.settings.bootstrap import check_bootstrap, check_no_credentials
from weir.settings.cidrs import Network, parse_cidrs


def parse_region_cidrs(text: str) -> tuple[tuple[Network, str], ...]:
    """(network, region) pairs. ValueError with one sentence that names the part at fault."""
    pairs = parse_cidrs(text)
    for network, region in pairs:
        if not REGION_NAME.fullmatch(region):
            raise ValueError(f"region {region!r} of {network} cannot be in a topic's name; use letters, digits, '.', '_' and '-'")
    return pairs


def parse_region_kafka(text: str) -> dict[str, str]:
    """Region to bootstrap list, in Kafka's form. ValueError with one sentence that names the part at fault."""
    check_no_credentials(text)
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        region, equals, servers = (piece.strip() for piece in part.partition("="))
        if not (equals and region and servers):
            raise ValueError(f"{part!r} names no region or no broker; write it as us=broker-1:9092;broker-2:9092")
        if region in found:
            raise ValueError(f"region {region!r} appears twice; list its brokers once, as {region}=broker-1:9092;broker-2:9092")
        found[region] = check_bootstrap(",".join(filter(None, (server.strip() for server in servers.split(";")))))
    return found


def check_regions(home: str, region_cidrs: str, region_kafka: str) -> None:
    """What the two say must fit together, and to WEIR_REGION. ValueError with one sentence."""
    regions = {region for _, region in parse_region_cidrs(region_cidrs)}
    reached = parse_region_kafka(region_kafka)
    if regions and not REGION_NAME.fullmatch(home):
        raise ValueError(f"WEIR_REGION={home!r} cannot be in a topic's name; use letters, digits, '.', '_' and '-'")
    if home in reached:
        raise ValueError(f"WEIR_REGION_KAFKA names {home!r}, which is this region; its Kafka is WEIR_KAFKA_BOOTSTRAP")
    for region in sorted(regions - reached.keys() - {home}):
        raise ValueError(f"WEIR_REGION_CIDRS names region {region!r} and WEIR_REGION_KAFKA does not say where its Kafka is; add it there")
    for region in sorted(reached.keys() - regions):
        raise ValueError(f"WEIR_REGION_KAFKA names region {region!r}, of which WEIR_REGION_CIDRS has no network; add one, or drop it")
