"""Of which class traffic is, each direction apart: by the places of its ends, as the tables have them."""

from __future__ import annotations

from typing import Literal, NamedTuple

BaseClass = Literal["same_zone", "inter_zone", "inter_region", "internet_out", "internet_in", "link", "unknown"]
BASE_CLASSES: tuple[BaseClass, ...] = ("same_zone", "inter_zone", "inter_region", "internet_out", "internet_in", "link", "unknown")
Direction = Literal["sent", "received"]
"""As the client sees it: what it sent, and what it received."""
DIRECTIONS: tuple[Direction, ...] = ("sent", "received")
_NEAR = ("link_local", "group")
"""Reasons of ends that no router leads to."""


class Place(NamedTuple):
    """What the class and the price of a row follow from. A zone or region is "" where it is not known, or where there is none.

    `reason`: why the remote end has no name. `range_at`, `through_at`: places in the price table's lists, from 1 on; 0: in none.
    """

    client_zone: str
    server_zone: str
    client_region: str
    server_region: str
    reason: str
    range_at: int = 0
    through_at: int = 0

    @property
    def outside(self) -> Literal["", "client", "server"]:
        """The end that is on the internet. The side that reports is in a region, always."""
        if self.reason != "external" or bool(self.client_region) == bool(self.server_region):
            return ""
        return "server" if self.client_region else "client"

    def regions(self, direction: Direction) -> tuple[str, str]:
        """Of the sender and the receiver."""
        ends = (self.client_region, self.server_region)
        return ends if direction == "sent" else (ends[1], ends[0])

    @property
    def near_first(self) -> tuple[str, str]:
        """The region of the end that is surely the user's own, and the other's."""
        return self.regions("received" if self.outside == "client" else "sent")


def base_class(place: Place, direction: Direction) -> BaseClass:
    if place.reason in _NEAR:
        return "link"
    if place.outside:
        return "internet_out" if (place.outside == "server") == (direction == "sent") else "internet_in"
    if not (place.client_region and place.server_region):
        return "unknown"
    if place.client_region != place.server_region:
        return "inter_region"
    if not (place.client_zone and place.server_zone):
        return "unknown"
    return "same_zone" if place.client_zone == place.server_zone else "inter_zone"


def why_unknown(place: Place) -> str:
    """What is missing, as a sentence without its full stop."""
    what, client, server = (
        ("zone", place.client_zone, place.server_zone)
        if place.client_region and place.server_region
        else ("region", place.client_region, place.server_region)
    )
    ends = "the client and of the server" if not (client or server) else "the client" if not client else "the server"
    because = f", which has no name ({place.reason})" if place.reason and not (client and server) else ""
    return f"the {what} of {ends} is not known{because}"
