"""Unexpected external ends: a domain, or an address without one, that this client has not used for weeks, and no other does."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from itertools import groupby

from schemas.records.finding import Sighting
from sinks.queries.spans import Span
from streams.insights.security.lives import Lives, is_expected, is_fresh, is_lasting
from streams.insights.security.new_edge import Callers
from streams.insights.security.sighted import Contact, Seen, first_of, key_of, sighting, spoken

COMMON = 2
"""What so many others use is nothing unexpected (RITA calls it prevalence)."""
_IPV4_BITS, _IPV6_BITS = 24, 48


def externals(contacts: Iterable[Contact], callers: Callers, lives: Lives, step: Span) -> tuple[Sighting, ...]:
    """`contacts`: of the step, external ends unseen for five weeks; without a domain: where this client had none such on the port."""
    told = [one for one in contacts if not one.server and one.opened > 0 and _is_unexpected(one, callers, lives, step)]
    by_end = sorted(told, key=_end)
    return tuple(_sighting(list(each), step) for _, each in groupby(by_end, key=_end))


def end_name(domain: str, address: str) -> str:
    """The registrable domain; without one the network of the address: 24 bits, 48 of IPv6."""
    if domain:
        return domain
    at = ip_address(address.removeprefix("::ffff:"))
    return str(ip_network((at, _IPV4_BITS if at.version == 4 else _IPV6_BITS), strict=False))


def _end(one: Contact) -> tuple[str, str, str, int]:
    return one.network, one.client, end_name(one.domain, one.address), one.service_port


def _is_unexpected(one: Contact, callers: Callers, lives: Lives, step: Span) -> bool:
    if not is_lasting(one.client) or is_fresh(one.at_s, one.since_s) or is_expected(lives, one.network, one.client, step.end_s):
        return False
    others = callers.get((one.network, one.domain, 0), frozenset()) - {one.client}
    return not one.domain or len(others) < COMMON


def _sighting(contacts: list[Contact], step: Span) -> Sighting:
    network, client, end, port = _end(contacts[0])
    sent, received = sum(one.bytes_sent for one in contacts), sum(one.bytes_received for one in contacts)
    addresses = [one.address for one in contacts]
    sentence = f"{client} called {end} on port {port} ({spoken(addresses)}), which it had not done for five weeks."
    evidence = {"some_addresses": first_of(addresses), "bytes_sent": sent, "bytes_received": received}
    seen = Seen(min(one.at_s for one in contacts), step.end_s, sum(one.opened for one in contacts))
    return sighting(key_of("external", network, client, end, port), "warning", seen, sentence, evidence)
