"""Addresses that were handed over: a client that still calls the old holder's address meets the new one, and means no harm."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from streams.insights.security.sighted import Contact

MEMORY_S = 86_400
"""A client is taken to hold on to an address for so long."""


def without_known_addresses(contacts: Iterable[Contact], met: pa.Table) -> tuple[Contact, ...]:
    """Contacts with addresses that their client had not met on this port, under whatever name.

    `met`: network, client, address, service_port of contacts of the day before.
    """
    known = {tuple(row[name] for name in ("network", "client", "address", "service_port")) for row in met.to_pylist()}
    return tuple(one for one in contacts if (one.network, one.client, one.address, one.service_port) not in known)
