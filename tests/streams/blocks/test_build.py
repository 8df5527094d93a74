"""A block: every column where it belongs, one pass or many, nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_network

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses import parse_addresses
from schemas.records.cluster import ServiceAddress, WatcherWatermark
from schemas.records.flow_batch import COUNTERS, ROLE_SERVER, FlowBatch, Loss
from schemas.records.tables import BATCHES, FLOWS, LOSSES, OWNERSHIP, BlockIdentity
from streams.attribution.cidr_labels import CidrLabels
from streams.blocks.build import Built, build_block
from streams.dedup.state import DedupState
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import from_heartbeats
from tests.streams.support import address, batch, heartbeats

IDENTITY = BlockIdentity("weir.flows", 3, 40, 49)
BEATS = heartbeats([(0, address(200), 0, 10_000_000), (1, address(7), 0, 10_000_000), (1, address(7), 5_000_000, 12_000_000)])


def build(
    batches: list[FlowBatch],
    dedup: DedupState | None = None,
    outside: CidrLabels | None = None,
    told: Sequence[ServiceAddress | WatcherWatermark] = (),
) -> Built:
    known = OwnershipMap(gap_us=25_000_000, skew_us=250_000)
    known.learn(from_heartbeats(batches))
    known.services.learn(told)
    dedup = dedup or DedupState(horizon_us=60_000_000)
    return build_block(IDENTITY, range(40, 40 + len(batches)), batches, dedup, partial(nullcontext, known), region="home", outside=outside)


def spoken(keys: list[int], **more: int) -> FlowBatch:
    return batch(keys, beats=BEATS, workloads=("checkout", "cart"), **more)  # type: ignore[arg-type]


def test_every_column_of_a_flow() -> None:
    one = spoken([7, 8])
    block = build([replace(one, epoch=2**63), batch([9], node="n2", window=1)]).block
    assert block.flows.schema == FLOWS
    first, second, third = block.flows.to_pylist()
    assert first | {name: 0 for name in COUNTERS} == {
        "window_start": datetime(1970, 1, 1, tzinfo=UTC),
        "window_seconds": 10,
        "first_seen": datetime(1970, 1, 1, tzinfo=UTC),
        "last_seen": datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        "region": "eu",
        "network": "default",
        "node_id": "n1",
        "epoch": 2**63,
        "protocol": "tcp",
        "role": "client",
        "local_ip": address(200),
        "remote_ip": address(7),
        "service_port": 7,
        "local_workload": "checkout",
        "remote_workload": "cart",
        "remote_source": "heartbeat",
        "remote_reason": "",
        "canonical": True,
        "topic": "weir.flows",
        "partition": 3,
        "first_offset": 40,
        **{name: 0 for name in COUNTERS},
        **dict.fromkeys(("local_zone", "remote_zone", "remote_region", "remote_service"), ""),
        "remote_node_id": "n1",
        **dict.fromkeys(("remote_domain", "registrable_domain"), ""),
        **{"rtt_histogram": [], "connect_histogram": []},
    }
    assert [first[name] for name in COUNTERS] == [107] + [1] * (len(COUNTERS) - 1)
    assert (second["remote_workload"], second["remote_source"], second["remote_reason"]) == ("", "none", "unknown")
    assert (third["node_id"], third["first_offset"], third["window_start"].second) == ("n2", 41, 10)


def test_labels_and_the_internet_in_a_block() -> None:
    far = batch([1, 2, 3, 7])
    remote = parse_addresses(["192.168.7.1", "8.8.8.8", "172.16.0.1", "10.0.0.7"])
    outside = CidrLabels([(ip_network("192.168.0.0/16"), "onprem"), (ip_network("10.0.0.0/8"), "mine")])
    built = build([replace(far, flows=replace(far.flows, remote_ip=remote)), spoken([])], outside=outside)
    columns = ("remote_workload", "remote_source", "remote_reason", "canonical")
    assert [tuple(row[name] for name in columns) for row in built.block.flows.to_pylist()] == [
        ("onprem", "cidr", "", True),
        ("", "none", "external", True),
        ("", "none", "unknown", True),
        ("cart", "heartbeat", "", True),
    ]
    assert built.unattributed == (("unknown", 1), ("external", 1))


def test_a_service_called_by_its_address_counts_once() -> None:
    """The client's view, of the service, is the one that counts; the backend's, of the client, is not."""
    client, backend, at_us = address(200), address(7), 5_000_000
    told = [
        ServiceAddress("default", address(99), 6, 80, "shop/web", ("cart",), 0, "w"),
        ServiceAddress("default", address(98), 6, 80, "shop/all", ("cart", "till"), 0, "w"),
        WatcherWatermark("default", "w", 0, 30_000_000),
    ]
    called = replace(batch([1, 2, 3]).flows, remote_ip=np.frombuffer(address(99) + address(98) + client, np.uint8).reshape(3, 16))
    called.local_ip[2] = np.frombuffer(backend, np.uint8)
    called.service_port[:], called.role[2], called.local_workload[2] = 80, ROLE_SERVER, 1
    called.first_seen_us[:], called.last_seen_us[:] = at_us, at_us + 1
    said = replace(batch([]), workloads=("checkout", "cart"), batch_index=1, flows=called)
    rows = build([spoken([]), said], told=told).block.flows.to_pylist()
    columns = ("role", "remote_workload", "remote_source", "remote_reason", "remote_service", "remote_node_id", "canonical")
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("client", "cart", "service", "", "shop/web", "", True),
        ("client", "", "none", "shared", "shop/all", "", True),
        ("server", "checkout", "heartbeat", "", "", "n1", False),
    ]


def test_what_names_no_region_or_network_gets_the_workers() -> None:
    (row,) = build([replace(batch([7]), region="", network="")]).block.flows.to_pylist()
    assert (row["region"], row["network"]) == ("home", "default")


def test_counts_say_what_became_of_everything() -> None:
    dedup = DedupState(horizon_us=60_000_000)
    built = build([spoken([7, 8, 8]), spoken([7, 9]), batch([1], window=50), batch([5], window=2)], dedup)
    assert (built.applied, built.repeated, built.late) == (4, 2, 1)
    assert built.unattributed == (("unknown", 3),)
    assert built.block.flows["service_port"].to_pylist() == [7, 8, 9, 1]
    (loss,) = built.block.losses.to_pylist()
    assert (loss["stage"], loss["reason"], loss["flows"], loss["bytes"], loss["first_offset"]) == ("worker", "late", 1, 106, 43)


def test_losses_ledger_and_ownership() -> None:
    loss = Loss(0, "agent", "map_full", packets=3, bytes=180, id=2**63 - 1)
    batches = [replace(spoken([7], index=0, count=2), losses=(loss,)), spoken([8], index=1, count=2), spoken([7], index=0, count=2)]
    block = build(batches).block
    assert (block.losses.schema, block.batches.schema, block.ownership.schema) == (LOSSES, BATCHES, OWNERSHIP)
    (lost,) = block.losses.to_pylist()
    assert (lost["stage"], lost["packets"], lost["bytes"], lost["id"], lost["node_id"]) == ("agent", 3, 180, 2**63 - 1, "n1")
    assert [(row["batch_index"], row["batch_count"], row["first_offset"]) for row in block.batches.to_pylist()] == [(0, 2, 40), (1, 2, 41)]
    owned = [(row["ip"][-1], row["workload"], row["start"].second, row["end"].second, row["source"]) for row in block.ownership.to_pylist()]
    assert sorted(owned, reverse=True) == [(200, "checkout", 0, 10, "heartbeat"), (7, "cart", 0, 12, "heartbeat")]


@pytest.mark.parametrize("batches", [[], [batch([])], [batch([]), batch([], node="n2")]])
def test_nothing_makes_empty_tables(batches: list[FlowBatch]) -> None:
    block = build(batches).block
    assert (block.flows.num_rows, block.losses.num_rows, block.ownership.num_rows, block.batches.num_rows) == (0, 0, 0, 0)
    assert (block.flows.schema, block.losses.schema, block.ownership.schema, block.batches.schema) == (FLOWS, LOSSES, OWNERSHIP, BATCHES)


def test_a_block_of_nothing_but_repeats() -> None:
    dedup = DedupState(horizon_us=60_000_000)
    build([batch([1, 2])], dedup)
    built = build([batch([2, 1])], dedup)
    assert (built.applied, built.repeated, built.block.flows.num_rows) == (0, 2, 0)


@given(st.lists(st.lists(st.integers(0, 30), max_size=6), max_size=6), st.integers(0, 6))
def test_blocks_add_up_however_they_are_cut(parts: list[list[int]], cut: int) -> None:
    batches = [batch(keys, index=i, count=len(parts)) for i, keys in enumerate(parts)]
    once = build(batches).block.flows
    dedup = DedupState(horizon_us=60_000_000)
    twice = pa.concat_tables([build(some, dedup).block.flows for some in (batches[:cut], batches[cut:])])
    expected = sorted({key for keys in parts for key in keys})
    assert sorted(once["service_port"].to_pylist()) == expected
    assert sorted(twice["service_port"].to_pylist()) == expected
    assert np.sum(once["bytes_sent"].to_pylist()) == np.sum(twice["bytes_sent"].to_pylist())
