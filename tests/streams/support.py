"""Small makers of columns, and the slow, obvious answer to "who had this address, then"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.records.flow_batch import FLOW_DTYPES, HEARTBEAT_DTYPES, FlowBatch, FlowColumns, HeartbeatColumns, Loss, empty_heartbeats
from schemas.records.ownership import Ownership
from schemas.wire.codec import decode_ownership
from streams.attribution.attribute import REASONS, SOURCES, Endpoints, attribute
from streams.columns.strings import StringTable
from streams.ownership.changelog import encode_changelog
from streams.ownership.intervals import NOBODY
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import Observations


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
    seen: bool = False


def statements(said: Sequence[Said]) -> Observations:
    names = StringTable()
    return Observations(
        network=names.numbers([one.network for one in said]),
        node=names.numbers([one.node for one in said]),
        workload=names.numbers([one.workload for one in said]),
        ip=np.frombuffer(b"".join(one.ip for one in said), np.uint8).reshape(-1, 16),
        port=np.array([one.port for one in said], np.uint16),
        protocol=np.array([one.protocol for one in said], np.uint8),
        start_us=np.array([one.start_us for one in said], np.int64),
        end_us=np.array([one.end_us for one in said], np.int64),
        by_flow=np.array([one.seen for one in said], np.bool_),
        names=tuple(names.texts),
    )


def retold(said: Observations) -> list[Ownership]:
    """What another worker reads of it."""
    return [decode_ownership(message.body) for message in encode_changelog(said)]


def who(known: OwnershipMap, first_us: int, last_us: int, ip: bytes = address(1), port: int = 0, network: str = "default") -> str:
    """The name, or the reason in brackets."""
    return whos(known, [(first_us, last_us)], ip, port, network)[0]


def whos(
    known: OwnershipMap, spans: Sequence[tuple[int, int]], ip: bytes = address(1), port: int = 0, network: str = "default"
) -> list[str]:
    found = attribute(known, ends_at(spans, ip, port, network))
    answers = []
    for owner, source, reason in zip(found.owner.tolist(), found.source.tolist(), found.reason.tolist(), strict=True):
        assert (SOURCES[source] == "none") == (REASONS[reason] != "")
        answers.append(f"({REASONS[reason]})" if reason else known.names.texts[owner])
    return answers


def nodes_behind(known: OwnershipMap, spans: Sequence[tuple[int, int]], ip: bytes = address(1), port: int = 0) -> list[str]:
    """The node behind each name, or an empty text."""
    found = attribute(known, ends_at(spans, ip, port))
    return ["" if node == NOBODY else known.names.texts[node] for node in found.node.tolist()]


def ends_at(spans: Sequence[tuple[int, int]], ip: bytes, port: int = 0, network: str = "default") -> Endpoints:
    rows = len(spans)
    return Endpoints(
        names=(network,),
        network=np.zeros(rows, np.uint32),
        ip=np.tile(np.frombuffer(ip, np.uint8), (rows, 1)),
        protocol=np.full(rows, 6, np.uint8),
        service_port=np.full(rows, port, np.uint16),
        listening=np.full(rows, port > 0),
        first_us=np.array([first for first, _ in spans], np.int64),
        last_us=np.array([last for _, last in spans], np.int64),
    )


def oracle(said: Sequence[Said], first: int, last: int, *, gap: int, skew: int, margin: int, window: int) -> str:
    """The answer for one address, by looking at every instant. For small times only."""
    if all(one.seen for one in said):
        return "(unknown)"
    reach = 2 * skew
    top = max(max(one.end_us for one in said), last + reach) + 2
    low = min(min(one.start_us for one in said), first - reach) - 2
    holders = {t: {one.workload for one in said if not one.seen and one.start_us <= t < one.end_us} for t in range(low, top)}
    for owner, silence in _silences(said, gap=gap, window=window):
        around = range(silence.start - 1, silence.stop + 1)
        if all(one.workload == owner or not _meet(one, around) for one in said):
            for t in silence:
                holders[t] = holders[t] | {owner}
    near = set().union(*(holders[t] for t in range(first - reach, last + reach + 1)))
    if len(near) != 1:
        return "(ambiguous)" if near else "(gap)"
    heard = [one for one in said if not one.seen]
    within = {t for t in range(first - reach, last + reach + 1) if holders[t] == near}
    for begins in (t for t in within if t - 1 not in within):  # each stretch of the owner's time, with silences in between
        start = end = begins
        while holders.get(start - 1) == near:
            start -= 1
        while holders.get(end) == near:
            end += 1
        before = min(0, margin) if first % window == 0 else margin
        after = min(0, margin) if last % window == 0 else margin
        before = -skew if start <= min(one.start_us for one in heard) + skew else before
        after = -skew if end >= max(one.end_us for one in heard) - skew else after
        reached = last - 1 if last % window == 0 else last  # the border itself is the next window's
        if start + before <= first and reached < end - after:
            return next(iter(near))
    return "(gap)"


def _silences(said: Sequence[Said], *, gap: int, window: int) -> list[tuple[str, range]]:
    """What one node leaves out of one owner's time, from the end of one window to the end of another."""
    found = []
    for owner, node in {(one.workload, one.node) for one in said}:
        spoken = {t for one in said if (one.workload, one.node) == (owner, node) and not one.seen for t in range(one.start_us, one.end_us)}
        ends = sorted(t for t in spoken if t + 1 not in spoken)
        starts = sorted(t for t in spoken if t - 1 not in spoken)
        silences = [range(end + 1, start) for end, start in zip(ends, starts[1:], strict=False)]
        for one in silences:
            around = (*range(one.start - window, one.start), *range(one.stop, one.stop + window))
            seen = any(sign.seen and (sign.workload, sign.node) == (owner, node) and _meet(sign, one) for sign in said)
            if len(one) <= gap and one.start % window == 0 and one.stop % window == 0 and (seen or spoken.issuperset(around)):
                found.append((owner, one))
    return found


def _meet(one: Said, span: range) -> bool:
    return one.start_us < span.stop and span.start < one.end_us


def flows(keys: Sequence[int], *, workload: int = 0, start_us: int = 0) -> FlowColumns:
    """One flow a key: a key is the last byte of the remote address and the port; counters follow from it."""
    rows = len(keys)
    columns: dict[str, Any] = {name: np.ones(rows, dtype) for name, dtype in FLOW_DTYPES.items()}
    columns["remote_domain"][:] = 0
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
