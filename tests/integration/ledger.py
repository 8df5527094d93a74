"""What the tables must hold, written down call by call as the traffic is made: both ends' views of every edge."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.integration.road import Road
from tests.support.traffic import SIZES

SENT, RECEIVED = "payload_bytes_sent", "payload_bytes_received"
COUNTED = (SENT, RECEIVED, "connections_opened", "connections_closed")
SEGMENT_BYTES = 1448
SHOWN_IP = "replaceRegexpOne(toString({0}), '^::ffff:', '') AS {0}"


@dataclass(frozen=True)
class View:
    """One end's view of an edge. `remote`: the name that the other end must have; empty: none."""

    local: str
    remote: str
    local_ip: str
    remote_ip: str
    protocol: str
    role: str
    port: int
    source: str
    reason: str
    canonical: bool


@dataclass(frozen=True)
class End:
    """One side of calls: what its own agent calls it, what others may call it (empty: nobody knows), and its address."""

    workload: str
    seen_as: str
    ip: str
    watched: bool = True

    @property
    def source(self) -> tuple[str, str]:
        return ("heartbeat", "") if self.seen_as else ("none", "unknown")


class Ledger:
    def __init__(self) -> None:
        self.views: dict[View, Counter[str]] = {}

    def of(self, view: View) -> Counter[str]:
        """What a view must hold; nothing, if nobody made it."""
        return self.views.get(view, Counter())

    def tcp(self, client: End, server: End, port: int, exchanges: int, request: int, response: int, connections: int = 0) -> None:
        """Exchanges in all, and the connections whose opening and end the agents saw."""
        there = exchanges * (request + SIZES.size)
        self._add(client, server, "tcp", port, there, exchanges * response, connections)

    def udp(self, client: End, server: End, port: int, packets: int, size: int) -> None:
        self._add(client, server, "udp", port, packets * size, packets * size, 0)

    def _add(self, client: End, server: End, protocol: str, port: int, there: int, back: int, connections: int) -> None:
        if client.watched:
            self._count(client, server, protocol, "client", port, True, (there, back, connections, connections))
        if server.watched:
            self._count(server, client, protocol, "server", port, not client.watched, (back, there, connections, connections))

    def _count(self, end: End, other: End, protocol: str, role: str, port: int, canonical: bool, counts: tuple[int, ...]) -> None:
        view = View(end.workload, other.seen_as, end.ip, other.ip, protocol, role, port, *other.source, canonical)
        known = self.views.setdefault(view, Counter(dict.fromkeys(COUNTED, 0)))
        known.update(dict(zip(COUNTED, counts, strict=True)))


@dataclass(frozen=True)
class Measured:
    """The tables' account of the same, over all windows, epochs and messages."""

    views: dict[View, Counter[str]]

    def payload_off(self, ledger: Ledger) -> list[tuple[View, str, int]]:
        """Payload that differs from what was sent, beyond what that side's kernel sent once more, and no view may lack any.

        The kernel takes a late acknowledgement for a loss now and then: such a segment did cross the wire twice.
        """
        again = Counter({(view.local_ip, view.remote_ip, view.protocol, view.port): 0 for view in self.views})
        for view, counts in self.views.items():
            again[view.local_ip, view.remote_ip, view.protocol, view.port] += counts["retransmits"]
        found = []
        for view, counts in self.views.items():
            for column, sender in ((SENT, (view.local_ip, view.remote_ip)), (RECEIVED, (view.remote_ip, view.local_ip))):
                off = counts[column] - ledger.of(view)[column]
                if not 0 <= off <= again[*sender, view.protocol, view.port] * SEGMENT_BYTES:
                    found.append((view, column, off))
        return found

    def connections_off(self, ledger: Ledger) -> list[tuple[View, str, int]]:
        return [
            (view, column, counts[column] - ledger.of(view)[column])
            for view, counts in self.views.items()
            for column in ("connections_opened", "connections_closed")
            if counts[column] != ledger.of(view)[column]
        ]


def measured(road: Road) -> Measured:
    columns = (*COUNTED, "retransmits")
    ips = f"{SHOWN_IP.format('local_ip')}, {SHOWN_IP.format('remote_ip')}"
    names = "local_workload, remote_workload, protocol, role, service_port, remote_source, remote_reason, canonical"
    sums = ", ".join(f"sum({name}) AS total_{name}" for name in columns)
    rows = road.ask(f"SELECT {names}, {ips}, {sums} FROM weir.flows GROUP BY ALL")  # noqa: S608
    return Measured({_view(row): Counter({name: int(row[f"total_{name}"]) for name in columns}) for row in rows})


def _view(row: dict[str, Any]) -> View:
    return View(
        row["local_workload"],
        row["remote_workload"],
        row["local_ip"],
        row["remote_ip"],
        row["protocol"],
        row["role"],
        row["service_port"],
        row["remote_source"],
        row["remote_reason"],
        row["canonical"],
    )
