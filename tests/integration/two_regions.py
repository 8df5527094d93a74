"""Recordings of two regions whose workloads talk to one another, and which rows must be where once both have been applied."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, NamedTuple

import orjson

from tests.integration.made_recording import SECOND_US, Line, Row, half_an_hour_ago_us, instant

CIDRS = {"eu": "10.1.0.0/16", "us": "10.2.0.0/16"}
SUBNET = {"eu": 1, "us": 2}
WINDOW_SECONDS, WINDOWS, NODES = 10, 12, 3
INSET_US = 3 * SECOND_US
ROW = (
    "window_start",
    "region",
    "node_id",
    "role",
    "protocol",
    "local_ip",
    "remote_ip",
    "service_port",
    "local_workload",
    "remote_workload",
    "remote_source",
    "remote_reason",
    "canonical",
    "local_zone",
    "remote_zone",
    "remote_region",
    "remote_node_id",
    "bytes_sent",
    "bytes_received",
)
SELECTED = ", ".join("toUnixTimestamp(window_start) * 1000000" if name == "window_start" else name for name in ROW)


class Held(NamedTuple):
    """`workload` held `ip` on `node` of `region` in the windows from `first` to `last` - 1."""

    region: str
    node: int
    ip: str
    workload: str
    first: int = 0
    last: int = WINDOWS


NOBODY = ""


@dataclass(frozen=True)
class TwoRegions:
    """By region: the lines that its agents wrote, flows and others, and the rows that its tables must hold in the end."""

    flows: dict[str, list[bytes]]
    others: dict[str, list[bytes]]
    rows: dict[str, set[Row]]
    canonical_bytes: int


def two_regions(seed: int, conversations: int) -> TwoRegions:
    return _Maker(random.Random(seed), half_an_hour_ago_us()).make(conversations)


class _Maker:
    def __init__(self, rng: random.Random, start_us: int) -> None:
        self.rng = rng
        self.start_us = start_us
        self.held = [held for region in CIDRS for held in _holdings(region)]
        self.flows: dict[str, list[bytes]] = {region: [] for region in CIDRS}
        self.rows: dict[str, set[Row]] = {region: set() for region in CIDRS}
        self.canonical_bytes = 0

    def make(self, conversations: int) -> TwoRegions:
        for number in range(conversations):
            self.converse(1_000 + number)
        others = {region: [*self.heartbeats(region), *self.losses(region)] for region in CIDRS}
        return TwoRegions(self.flows, others, self.rows, self.canonical_bytes)

    def converse(self, port: int) -> None:
        """One flow, seen from every end that has an agent: the client's view counts, or the only one."""
        window = self.rng.randrange(WINDOWS)
        client, server = self.rng.sample([held for held in self.held if held.first <= window < held.last], 2)
        alone = self.rng.random()
        if alone < 0.1:
            server = self.stranger(client)
        elif alone < 0.2:
            client = self.stranger(server)
        sent, received = self.rng.randrange(1, 2**31), self.rng.randrange(2**31)
        self.canonical_bytes += sent + received
        roles, first = ("client", "server"), True
        if self.rng.random() < 0.2:  # nobody knows who opened it: then the view of the lower address counts
            roles, first = ("unknown", "unknown"), ip_address(client.ip) < ip_address(server.ip)
        if client.workload:
            self.view(window, port, roles[0], client, server, sent, received, canonical=first or not server.workload)
        if server.workload:
            self.view(window, port, roles[1], server, client, received, sent, canonical=not (first and client.workload))

    def stranger(self, peer: Held) -> Held:
        """An address of either region where no agent runs, or one of none: its flows stay where they were seen."""
        region = self.rng.choice((*CIDRS, ""))
        number = self.rng.randrange(1, 250)
        ip = f"10.{SUBNET[region]}.200.{number}" if region else f"172.30.0.{number}"
        return Held(region or peer.region, 0, ip, NOBODY)

    def view(self, window: int, port: int, role: str, local: Held, remote: Held, sent: int, received: int, *, canonical: bool) -> None:
        line = self.place("flow", local.region, local.node, window) | {"role": role, "protocol": "tcp", "service_port": port}
        line |= {"local_ip": local.ip, "remote_ip": remote.ip, "local_workload": local.workload, "local_zone": _zone(local)}
        line |= {"bytes_sent": sent, "bytes_received": received, "packets_sent": 1, "packets_received": 2}
        seen = sorted(self.window_us(window) + INSET_US + self.rng.randrange(4 * SECOND_US) for _ in range(2))
        self.flows[local.region].append(orjson.dumps({**line, "first_seen": instant(seen[0]), "last_seen": instant(seen[1])}))
        said: dict[str, Any] = {**line, "window_start": self.window_us(window), "region": local.region, "canonical": canonical}
        said |= {"local_ip": f"::ffff:{local.ip}", "remote_ip": f"::ffff:{remote.ip}", "remote_workload": remote.workload}
        said |= {"remote_source": "heartbeat" if remote.workload else "none", "remote_reason": "" if remote.workload else "unknown"}
        named = bool(remote.workload)
        said |= {"remote_zone": _zone(remote) * named, "remote_region": remote.region * named}
        said["remote_node_id"] = f"{remote.region}-{remote.node}" * named
        self.rows[remote.region].add(tuple(said[name] for name in ROW))

    def window_us(self, window: int) -> int:
        return self.start_us + window * WINDOW_SECONDS * SECOND_US

    def place(self, kind: str, region: str, node: int, window: int) -> Line:
        """Nothing says which region: that is the setting's of those who publish it."""
        start = instant(self.window_us(window))
        return {"kind": kind, "node_id": f"{region}-{node}", "epoch": 1, "window_start": start, "window_seconds": WINDOW_SECONDS}

    def heartbeats(self, region: str) -> Iterable[bytes]:
        """Every node's of the first window, then every node's of the next."""
        for window in range(WINDOWS):
            for node in range(NODES):
                mine = [held for held in self.held if (held.region, held.node) == (region, node)]
                addresses = [{"ip": held.ip, "workload": held.workload} for held in mine if held.first <= window < held.last]
                place = self.place("heartbeat", region, node, window) | {"zone": _zone(mine[0])}
                yield orjson.dumps({**place, "addresses": addresses})

    def losses(self, region: str) -> Iterable[bytes]:
        for node in range(NODES):
            lost = {"stage": "agent", "reason": "map_full", "packets": node + 1, "bytes": 100}
            yield orjson.dumps({**self.place("loss", region, node, 3), **lost})


def _zone(held: Held) -> str:
    """Of the node: two zones a region."""
    return f"{held.region}-{'ab'[held.node % 2]}"


def _holdings(region: str) -> Iterable[Held]:
    """On every node, one address that changes hands halfway."""
    for node in range(NODES):
        subnet = f"10.{SUBNET[region]}.{node}"
        for number in range(4):
            yield Held(region, node, f"{subnet}.{number}", f"{region}-app-{node}-{number}")
        yield Held(region, node, f"{subnet}.8", f"{region}-job-{node}-before", 0, WINDOWS // 2)
        yield Held(region, node, f"{subnet}.8", f"{region}-job-{node}-after", WINDOWS // 2, WINDOWS)
