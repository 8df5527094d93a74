"""Stand-ins for the kernel, the node and Kafka. They say so in their names; nothing here is used outside tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from bpf.layout import KEY, VALUE
from bpf.probe import NOTHING_ASKED, Asked, Drained, Lost
from producers.identity.holdings import Holding
from producers.identity.served import NO_EXCEPTIONS
from producers.publish.publisher import OnAck
from schemas.records.flow_batch import FlowBatch, Loss
from schemas.wire.codec import decode_batch
from schemas.wire.framing import unframe

SECOND = 1_000_000
MAPPED = bytes(10) + b"\xff\xff"


class Crash(Exception):
    """The process dies here."""


class FakeKernel:
    """Two maps and an account of losses, which outlive every FakeProbe as the real ones outlive every agent."""

    def __init__(self) -> None:
        self.maps: list[dict[bytes, np.ndarray]] = [{}, {}]
        self.active = 0
        self.lost: dict[str, tuple[int, int]] = {}

    def count(self, cgroup: int, remote: int, packets: int, size: int, at_ns: int = 1) -> None:
        key = np.zeros((), KEY)
        key["cgroup"], key["protocol"], key["role"], key["service_port"] = cgroup, 6, 1, 443
        key["local_ip"] = np.frombuffer(MAPPED + bytes([10, 0, 0, 1]), np.uint8)
        key["remote_ip"] = np.frombuffer(MAPPED + bytes([10, 1]) + remote.to_bytes(2, "big"), np.uint8)
        value = self.maps[self.active].setdefault(key.tobytes(), np.zeros((), VALUE))
        value["packets_sent"] += np.uint64(packets)
        value["bytes_sent"] += np.uint64(size)
        value["first_ns"] = value["first_ns"] or at_ns
        value["last_ns"] = at_ns

    def lose(self, reason: str, packets: int, size: int) -> None:
        known = self.lost.get(reason, (0, 0))
        self.lost[reason] = (known[0] + packets, known[1] + size)


class FakeProbe:
    """A Probe over a FakeKernel. `tick` is called between any two things that a crash can separate."""

    def __init__(self, kernel: FakeKernel, adopted: bool, tick: Callable[[], None] = lambda: None) -> None:
        self.adopted = adopted
        self._kernel = kernel
        self._tick = tick

    def swap(self) -> None:
        self._tick()
        self._kernel.active = 1 - self._kernel.active
        self._tick()

    def read(self) -> Drained:
        self._tick()
        quiet = self._kernel.maps[1 - self._kernel.active]
        keys = np.frombuffer(b"".join(quiet), KEY)
        return Drained(keys, np.array(list(quiet.values()), VALUE) if quiet else np.zeros(0, VALUE))

    def clear(self) -> None:
        quiet = self._kernel.maps[1 - self._kernel.active]
        self._tick()
        for key in list(quiet)[::2]:
            del quiet[key]
        self._tick()
        quiet.clear()
        self._tick()

    def lost(self) -> tuple[Lost, ...]:
        return tuple(Lost(reason, packets, size) for reason, (packets, size) in self._kernel.lost.items())

    def asked(self, now_ns: int) -> Asked:
        return NOTHING_ASKED

    def active_slot(self) -> int:
        return self._kernel.active

    def close(self) -> None:
        pass


class FakeSurvey:
    """A node on which cgroup 7 is `shop` and nothing changes."""

    node_workload = "node/n1"
    served = NO_EXCEPTIONS

    def __init__(self, holdings: Iterable[Holding] = ()) -> None:
        self.holdings = frozenset(holdings)

    def look(self, ends_window: bool = True) -> dict[Holding, int]:
        return dict.fromkeys(self.holdings, 0)  # of a FakeClock's monotonic time, which stands at 0: the present

    def name(self, cgroup_id: int) -> str:
        return {7: "shop", 8: "shop", 9: "till"}.get(cgroup_id, "")

    def published(self, name: str) -> str:
        return name


class FakeClock:
    def __init__(self, now_us: int) -> None:
        self.us = now_us

    def now_us(self) -> int:
        return self.us

    def offset_ns(self) -> int:
        return self.us * 1000


class FakeTopic:
    """Takes messages while `up`; keeps all that it took, repeats included."""

    def __init__(self, tick: Callable[[], None] = lambda: None) -> None:
        self.messages: list[bytes] = []
        self.up = True
        self.tick = tick
        self._waiting: list[tuple[bytes, OnAck | None]] = []

    def offer(self, topic: str, key: bytes, value: bytes, on_ack: OnAck | None = None) -> bool:
        self._waiting.append((value, on_ack))
        return True

    def poll(self, timeout: float) -> int:
        served = 0
        while self.up and self._waiting:
            value, on_ack = self._waiting.pop(0)
            self.tick()
            self.messages.append(value)
            self.tick()
            if on_ack is not None:
                on_ack(None)
            served += 1
        return served

    def forget_waiting(self) -> None:
        """The client died with what it held."""
        self._waiting.clear()

    def close(self) -> None:
        pass

    def batches(self) -> list[FlowBatch]:
        return [read(message) for message in self.messages]


def read(message: bytes) -> FlowBatch:
    framed = unframe(message)
    return decode_batch(framed.body, framed.writer)


def totals(batches: Iterable[FlowBatch]) -> tuple[int, int]:
    """Packets and bytes of flows and losses together, each flow and each loss once, as a worker would count them."""
    flows: dict[tuple[object, ...], tuple[int, int]] = {}
    losses: set[tuple[str, Loss]] = set()
    for batch in batches:
        f = batch.flows
        for row in range(len(f)):
            key = (batch.node_id, batch.epoch, batch.window_start_us, f.local_ip[row].tobytes(), f.remote_ip[row].tobytes())
            identity = (*key, int(f.service_port[row]), int(f.protocol[row]), int(f.role[row]), batch.workloads[f.local_workload[row]])
            counted = (int(f.packets_sent[row] + f.packets_received[row]), int(f.bytes_sent[row] + f.bytes_received[row]))
            assert flows.setdefault(identity, counted) == counted, f"one flow with two contents: {identity}"
        losses |= {(batch.node_id, loss) for loss in batch.losses}
    packets = sum(p for p, _ in flows.values()) + sum(loss.packets for _, loss in losses)
    return packets, sum(b for _, b in flows.values()) + sum(loss.bytes for _, loss in losses)
