"""A recording made up by a seed, and what the tables must hold once it has been applied: known beforehand, not worked out by weir.

Five nodes, two of them in different networks with the same addresses; twenty windows; addresses that move from one workload to
another, or fall silent; load balancers known from events; repeats, losses, two epochs of one node; all lines shuffled.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from schemas.records.flow_batch import COUNTERS

SECOND_US = 1_000_000
WINDOW_SECONDS, WINDOWS, NODES = 10, 20, 5
NEVER_US = 2**32 * SECOND_US
INSET_US = 3 * SECOND_US
"""Flows keep so far from their windows' ends: clocks are no matter here."""
KEY = ("window_start", "network", "node_id", "epoch", "protocol", "role", "local_ip", "remote_ip", "service_port", "local_workload")
NAMED = ("remote_workload", "remote_source", "remote_reason", "canonical")
ROW = (*KEY, "first_seen", "last_seen", *NAMED, *COUNTERS)
"""What a row of `flows` is compared by; instants are microseconds, addresses text."""
SELECTED = ", ".join(
    f"toUnixTimestamp64Micro(toDateTime64({name}, 6, 'UTC')) AS {name}" if name in ("window_start", "first_seen", "last_seen") else name
    for name in ROW
)

Line = dict[str, Any]
Row = tuple[Any, ...]


class Held(NamedTuple):
    """`workload` held `ip` of `network`, and node number `node` said so, in the windows from `first` to `last` - 1."""

    network: str
    node: int
    ip: str
    workload: str
    first: int = 0
    last: int = WINDOWS


class Loss(NamedTuple):
    window_start: int
    node_id: str
    epoch: int
    stage: str
    reason: str
    flows: int
    packets: int
    bytes: int


@dataclass(frozen=True)
class Made:
    """`lines`: JSON lines in shuffled order, repeats among them. `rows`, `losses`, `owned`: what follows from them."""

    lines: tuple[bytes, ...]
    rows: frozenset[Row]
    losses: frozenset[Loss]
    owned: frozenset[tuple[str, str, str, int, int]]  # network, ip, workload, start, end


def made_recording(seed: int, flows: int, *, start_us: int | None = None, repeats: float = 0.05) -> Made:
    """`flows` different flows, spread over windows that begin at `start_us` (absent: half an hour ago)."""
    return _Maker(random.Random(seed), start_us or half_an_hour_ago_us()).make(flows, repeats)


def is_no_flow(line: bytes) -> bool:
    return not line.startswith(b'{"kind":"flow"')


def half_an_hour_ago_us() -> int:
    return (int(datetime.now(UTC).timestamp()) // 300 * 300 - 1_800) * SECOND_US


def instant(us: int) -> str:
    return datetime.fromtimestamp(us / SECOND_US, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class _Maker:
    def __init__(self, rng: random.Random, start_us: int) -> None:
        self.rng = rng
        self.start_us = start_us
        self.held = tuple(_holdings())

    def make(self, flows: int, repeats: float) -> Made:
        rows: dict[Row, tuple[Line, Row]] = {}
        while len(rows) < flows:
            line, row = self.flow()
            rows[row[: len(KEY)]] = line, row
        losses = [self.loss(node, window) for node in range(NODES) for window in range(0, WINDOWS, 3)]
        lines = [line for line, _ in rows.values()] + [line for line, _ in losses]
        lines += [self.heartbeat(node, window) for node in range(NODES) for window in range(WINDOWS)]
        lines += self.events()
        lines += self.rng.sample(lines, int(len(lines) * repeats))
        self.rng.shuffle(lines)
        owned = frozenset(
            (held.network, _mapped(held.ip), held.workload, self.window_us(held.first), self.window_us(held.last)) for held in self.held
        )
        owned |= frozenset(self.told())
        return Made(tuple(map(orjson.dumps, lines)), frozenset(r for _, r in rows.values()), frozenset(loss for _, loss in losses), owned)

    def window_us(self, window: int) -> int:
        return self.start_us + window * WINDOW_SECONDS * SECOND_US

    def place(self, kind: str, node: int, window: int) -> Line:
        """The fields that every line of a window has. Node 1 begins a new epoch halfway."""
        line = {"kind": kind, "node_id": f"n{node}", "epoch": 2 if node == 1 and window >= WINDOWS // 2 else 1}
        line |= {"window_start": instant(self.window_us(window)), "window_seconds": WINDOW_SECONDS}
        return line if node else {**line, "network": "blue"}

    def flow(self) -> tuple[Line, Row]:
        window = self.rng.randrange(WINDOWS)
        local = self.rng.choice([held for held in self.held if held.first <= window < held.last])
        remote_ip, named = self.remote(local, window)
        line = self.place("flow", local.node, window)
        line |= {"local_ip": local.ip, "remote_ip": remote_ip, "local_workload": local.workload}
        line |= {"role": self.rng.choice(("client", "server")), "service_port": self.rng.choice((53, 443, 5_432, 8_080, 9_000))}
        line["protocol"] = self.rng.choice(("tcp", "udp"))
        seen = sorted(self.window_us(window) + INSET_US + self.rng.randrange(4 * SECOND_US) for _ in range(2))
        line |= {"first_seen": instant(seen[0]), "last_seen": instant(seen[1])}
        line |= {name: self.rng.choice((0, self.rng.randrange(2**20), self.rng.randrange(2**31))) for name in COUNTERS}
        agent = named[1] == "heartbeat" or named[2] == "gap"
        said = {**line, "network": line.get("network", "default"), "window_start": self.window_us(window)}
        said |= {"first_seen": seen[0], "last_seen": seen[1], "local_ip": _mapped(local.ip), "remote_ip": _mapped(remote_ip)}
        said |= dict(zip(NAMED, (*named, line["role"] == "client" or not agent), strict=True))
        return line, tuple(said[name] for name in ROW)

    def remote(self, local: Held, window: int) -> tuple[str, tuple[str, str, str]]:
        """An address, and who is to be found there in that window: workload, source, reason."""
        kind = self.rng.random()
        if kind < 0.1:
            return f"198.51.100.{self.rng.randrange(1, 255)}", ("", "none", "unknown")
        if kind < 0.2 and local.network == "default":
            number = self.rng.randrange(3)
            return f"10.9.0.{number}", (f"lb-{number}-{'old' if window < WINDOWS // 2 else 'new'}", "ip_event", "")
        peer = self.rng.choice([held for held in self.held if held.network == local.network and held.ip != local.ip])
        ranges = [held for held in self.held if (held.network, held.ip) == (peer.network, peer.ip)]
        holders = [held.workload for held in ranges if held.first <= window < held.last]
        return peer.ip, (holders[0], "heartbeat", "") if holders else ("", "none", "gap")

    def heartbeat(self, node: int, window: int) -> Line:
        addresses = [
            {"ip": held.ip, "workload": held.workload} for held in self.held if held.node == node and held.first <= window < held.last
        ]
        return {**self.place("heartbeat", node, window), "addresses": addresses}

    def loss(self, node: int, window: int) -> tuple[Line, Loss]:
        packets, size, flows = self.rng.randrange(1, 1_000), self.rng.randrange(10**9), self.rng.randrange(50)
        line = self.place("loss", node, window)
        line |= {"stage": "agent", "reason": "map_full", "flows": flows, "packets": packets, "bytes": size, "id": window}
        return line, Loss(self.window_us(window), line["node_id"], line["epoch"], "agent", "map_full", flows, packets, size)

    def events(self) -> list[Line]:
        """Three load balancers, each with another name from halfway on."""
        half_us, lines = self.window_us(WINDOWS // 2), []
        for number in range(3):
            event = {"kind": "ip_event", "ip": f"10.9.0.{number}"}
            lines += [
                {**event, "workload": f"lb-{number}-old", "event": "assigned", "at": instant(self.start_us - 60 * SECOND_US)},
                {**event, "workload": f"lb-{number}-old", "event": "unassigned", "at": instant(half_us)},
                {**event, "workload": f"lb-{number}-new", "event": "assigned", "at": instant(half_us)},
            ]
        return lines

    def told(self) -> Iterator[tuple[str, str, str, int, int]]:
        """What the events say of owners. The last of an address never ends."""
        half_us = self.window_us(WINDOWS // 2)
        for number in range(3):
            yield "default", f"::ffff:10.9.0.{number}", f"lb-{number}-old", self.start_us - 60 * SECOND_US, half_us
            yield "default", f"::ffff:10.9.0.{number}", f"lb-{number}-new", half_us, NEVER_US


def _holdings() -> Iterator[Held]:
    """Node 0 is alone in the network "blue", where node 2's addresses mean other workloads."""
    for node in range(NODES):
        network, subnet = ("blue", 2) if node == 0 else ("default", node)
        for number in range(4):
            yield Held(network, node, f"10.0.{subnet}.{number}", f"app-{node}-{number}")  # .0 is an address like any other
        yield Held(network, node, f"fd00::{subnet}:5", f"six-{node}")
        yield Held(network, node, f"10.0.{subnet}.8", f"job-{node}-before", 0, WINDOWS // 2)
        yield Held(network, node, f"10.0.{subnet}.8", f"job-{node}-after", WINDOWS // 2, WINDOWS)
        yield Held(network, node, f"10.0.{subnet}.9", f"nap-{node}", 0, 4)
        yield Held(network, node, f"10.0.{subnet}.9", f"nap-{node}", 15, WINDOWS)


def _mapped(ip: str) -> str:
    return ip if ":" in ip else f"::ffff:{ip}"
