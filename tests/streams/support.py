"""Small makers of columns, and the slow, obvious answer to "who had this address, then"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.columns import FLOW_DTYPES, HEARTBEAT_DTYPES, FlowBatch, FlowColumns, HeartbeatColumns, Loss, empty_heartbeats
from streams.attribution import REASONS, SOURCES, RemoteEnds, attribute
from streams.ownership import OwnershipMap
from streams.statements import Names, Statements


def address(last: int, *, v6: bool = False) -> bytes:
    return bytes([0xFD] + [0] * 14 + [last]) if v6 else bytes(10) + b"\xff\xff" + bytes([10, 0, 0, last])


@dataclass(frozen=True)
class Said:
    """One heartbeat: `workload` held `ip` (and listened on `port`) from start to end, said by `node`."""

    workload: str
    start_us: int
    end_us: int
    ip: bytes = address(1)
    port: int = 0
    node: str = "n1"
    network: str = "default"
    protocol: int = 6


def statements(said: Sequence[Said]) -> Statements:
    names = Names()
    return Statements(
        network=names.numbers([one.network for one in said]),
        node=names.numbers([one.node for one in said]),
        workload=names.numbers([one.workload for one in said]),
        ip=np.frombuffer(b"".join(one.ip for one in said), np.uint8).reshape(-1, 16),
        port=np.array([one.port for one in said], np.uint16),
        protocol=np.array([one.protocol for one in said], np.uint8),
        start_us=np.array([one.start_us for one in said], np.int64),
        end_us=np.array([one.end_us for one in said], np.int64),
        names=tuple(names.texts),
    )


def who(known: OwnershipMap, first_us: int, last_us: int, ip: bytes = address(1), port: int = 0, network: str = "default") -> str:
    """The name, or the reason in brackets."""
    return whos(known, [(first_us, last_us)], ip, port, network)[0]


def whos(
    known: OwnershipMap, spans: Sequence[tuple[int, int]], ip: bytes = address(1), port: int = 0, network: str = "default"
) -> list[str]:
    rows = len(spans)
    ends = RemoteEnds(
        names=(network,),
        network=np.zeros(rows, np.uint32),
        ip=np.tile(np.frombuffer(ip, np.uint8), (rows, 1)),
        protocol=np.full(rows, 6, np.uint8),
        service_port=np.full(rows, port, np.uint16),
        listening=np.full(rows, port > 0),
        first_us=np.array([first for first, _ in spans], np.int64),
        last_us=np.array([last for _, last in spans], np.int64),
    )
    found = attribute(known, ends)
    answers = []
    for owner, source, reason in zip(found.owner.tolist(), found.source.tolist(), found.reason.tolist(), strict=True):
        assert (SOURCES[source] == "none") == (REASONS[reason] != "")
        answers.append(f"({REASONS[reason]})" if reason else known.names.texts[owner])
    return answers


def oracle(said: Sequence[Said], first: int, last: int, *, gap: int, skew: int, margin: int, window: int) -> str:
    """The answer for one address, by looking at every instant. For small times only."""
    if not said:
        return "(unknown)"
    top = max(max(one.end_us for one in said), last + skew) + 2
    low = min(min(one.start_us for one in said), first - skew) - 2
    holders = {t: {one.workload for one in said if one.start_us <= t < one.end_us} for t in range(low, top)}
    for silence in _silences(holders, low, top):
        before, after = holders[silence.start - 1], holders[silence.stop]
        aligned = silence.start % window == 0 and silence.stop % window == 0
        if before == after and len(before) == 1 and len(silence) <= gap and aligned:
            holders.update(dict.fromkeys(silence, before))
    near = set().union(*(holders[t] for t in range(first - skew, last + skew + 1)))
    if len(near) != 1:
        return "(ambiguous)" if near else "(gap)"
    within = [t for t in range(first - skew, last + skew + 1) if holders[t] == near]
    start = end = within[0]
    while holders.get(start - 1) == near:
        start -= 1
    while holders.get(end) == near:
        end += 1
    return next(iter(near)) if start + margin <= first and last < end - margin else "(gap)"


def _silences(holders: dict[int, set[str]], low: int, top: int) -> list[range]:
    """Maximal stretches that nobody holds, with somebody on either side."""
    edges = [t for t in range(low + 1, top) if bool(holders[t]) != bool(holders[t - 1])]
    spans = [range(a, b) for a, b in zip(edges, edges[1:], strict=False)]
    return [span for span in spans if not holders[span.start]]


def flows(keys: Sequence[int], *, workload: int = 0, start_us: int = 0) -> FlowColumns:
    """One flow a key: a key is the last byte of the remote address and the port; counters follow from it."""
    rows = len(keys)
    columns = {name: np.ones(rows, dtype) for name, dtype in FLOW_DTYPES.items()}
    columns["local_ip"] = np.tile(np.frombuffer(address(200), np.uint8), (rows, 1))
    columns["remote_ip"] = np.frombuffer(b"".join(address(key % 256) for key in keys), np.uint8).reshape(rows, 16)
    columns["service_port"] = np.array(keys, np.uint16)
    columns["local_workload"][:] = workload
    columns["protocol"][:] = 6
    columns["first_seen_us"][:], columns["last_seen_us"][:] = start_us, start_us + 1
    columns["bytes_sent"] = np.array([100 + key for key in keys], np.uint64)
    return FlowColumns(**columns)


def heartbeats(said: Sequence[tuple[int, bytes, int, int]]) -> HeartbeatColumns:
    """(workload index, ip, start, end) each."""
    if not said:
        return empty_heartbeats()
    columns = {name: np.zeros(len(said), dtype) for name, dtype in HEARTBEAT_DTYPES.items()}
    columns["ip"] = np.frombuffer(b"".join(one[1] for one in said), np.uint8).reshape(-1, 16)
    columns["workload"] = np.array([one[0] for one in said], np.uint32)
    columns["start_us"], columns["end_us"] = (np.array([one[at] for one in said], np.int64) for at in (2, 3))
    return HeartbeatColumns(**columns)


def batch(
    keys: Sequence[int],
    *,
    window: int = 0,
    node: str = "n1",
    epoch: int = 1,
    index: int = 0,
    count: int = 0,
    losses: tuple[Loss, ...] = (),
    beats: HeartbeatColumns | None = None,
    workloads: tuple[str, ...] = ("checkout",),
) -> FlowBatch:
    """Window number `window` of 10 s."""
    start_us = window * 10_000_000
    return FlowBatch(
        node_id=node,
        epoch=epoch,
        seq=0,
        region="eu",
        network="default",
        window_start_us=start_us,
        window_seconds=10,
        batch_index=index,
        batch_count=count,
        workloads=workloads,
        flows=flows(keys, start_us=start_us),
        heartbeats=beats or empty_heartbeats(),
        losses=losses,
    )
