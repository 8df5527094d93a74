"""Recordings as the contract shows them, as random batches make them, and in every order of lines."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.addresses import format_address, parse_address
from schemas.recording.read import Refusal, read_recording
from schemas.recording.write import format_batch, format_ip_event
from schemas.records.flow_batch import COUNTERS, FlowBatch, Loss
from schemas.records.histogram import Histogram
from schemas.records.ip_event import IpEvent
from schemas.wire.codec import decode_batch, encode_batch
from tests.schemas.samples import WINDOW_US
from tests.schemas.strategies import IP_EVENTS, batches

CONTRACT = """
{"kind":"flow","node_id":"n1","epoch":1,"window_start":"2026-01-01T00:00:00Z","window_seconds":10,"local_ip":"10.0.0.1","remote_ip":"10.0.0.2","service_port":5432,"protocol":"tcp","role":"client","local_workload":"checkout","bytes_sent":7919,"packets_sent":23}
{"kind":"heartbeat","node_id":"n1","epoch":1,"window_start":"2026-01-01T00:00:00Z","window_seconds":10,"addresses":[{"ip":"10.0.0.1","workload":"checkout"}]}
{"kind":"ip_event","ip":"10.9.0.1","workload":"lb-public","event":"assigned","at":"2026-01-01T00:00:05Z"}
{"kind":"loss","node_id":"n1","epoch":1,"window_start":"2026-01-01T00:00:00Z","window_seconds":10,"stage":"agent","reason":"map_full","packets":3,"bytes":180}
"""  # noqa: E501


def read(lines: list[bytes] | list[str], **options: Any) -> list[FlowBatch | IpEvent]:
    """Everything, and not one line refused."""
    refusals: list[Refusal] = []
    items = list(read_recording(lines, refusals.append, **options))
    assert refusals == []
    return items


def read_batches(lines: list[bytes], **options: Any) -> list[FlowBatch]:
    items = read(lines, **options)
    return [item for item in items if isinstance(item, FlowBatch)]


def flow_line(**changes: Any) -> bytes:
    line = {
        "kind": "flow",
        "node_id": "n1",
        "epoch": 1,
        "window_start": "2026-01-01T00:00:00Z",
        "window_seconds": 10,
        "local_ip": "10.0.0.1",
        "remote_ip": "10.0.0.2",
        "protocol": "tcp",
    }
    return json.dumps({**line, **changes}).encode()


def test_the_contracts_examples() -> None:
    event, batch = read(CONTRACT.splitlines())
    assert event == IpEvent("default", parse_address("10.9.0.1"), "lb-public", True, WINDOW_US + 5_000_000)
    assert isinstance(batch, FlowBatch)
    assert (batch.node_id, batch.epoch, batch.window_start_us, batch.window_seconds) == ("n1", 1, WINDOW_US, 10)
    assert (batch.network, batch.region, batch.batch_count) == ("default", "default", 0)
    assert batch.losses == (Loss(WINDOW_US, "agent", "map_full", packets=3, bytes=180),)
    flows, held = batch.flows, batch.heartbeats
    assert format_address(flows.local_ip[0].tobytes()) == "::ffff:10.0.0.1"
    assert (flows.service_port[0], flows.protocol[0], flows.role[0]) == (5432, 6, 1)
    assert batch.workloads[flows.local_workload[0]] == "checkout"
    assert (flows.first_seen_us[0], flows.last_seen_us[0]) == (WINDOW_US, WINDOW_US + 10_000_000)
    assert {name: getattr(flows, name)[0] for name in COUNTERS if getattr(flows, name)[0]} == {"bytes_sent": 7919, "packets_sent": 23}
    assert (batch.workloads[held.workload[0]], held.port[0], held.protocol[0]) == ("checkout", 0, 0)
    assert (held.start_us[0], held.end_us[0]) == (WINDOW_US, WINDOW_US + 10_000_000)


def test_what_may_be_absent() -> None:
    (batch,) = read_batches([flow_line()], region="eu", network="vpc")
    assert (batch.region, batch.network) == ("eu", "vpc")
    flows = batch.flows
    assert (flows.role[0], flows.service_port[0], batch.workloads[flows.local_workload[0]]) == (0, 0, "")


def test_places_on_the_line_win() -> None:
    (batch,) = read_batches([flow_line(region="us", network="lab")], region="eu", network="vpc")
    assert (batch.region, batch.network) == ("us", "lab")


def test_an_address_with_its_own_span_and_port() -> None:
    line = json.loads(CONTRACT.splitlines()[2])
    line["addresses"] = [
        {"ip": "fe80::1", "workload": "web", "port": 443, "protocol": "tcp", "start": "2026-01-01T01:00:01+01:00"},
        {"ip": "fe80::1", "workload": "node/n1", "end": "2026-01-01T00:00:09.5Z"},
    ]
    (batch,) = read_batches([json.dumps(line).encode()])
    held = batch.heartbeats
    assert [batch.workloads[i] for i in held.workload] == ["web", "node/n1"]
    assert held.port.tolist() == [443, 0] and held.protocol.tolist() == [6, 0]
    assert held.start_us.tolist() == [WINDOW_US + 1_000_000, WINDOW_US]
    assert held.end_us.tolist() == [WINDOW_US + 10_000_000, WINDOW_US + 9_500_000]


def test_equal_losses_with_ids_stay_apart() -> None:
    line = json.loads(CONTRACT.splitlines()[4])
    (batch,) = read_batches([json.dumps({**line, "id": number, "flows": 2}).encode() for number in (1, 2)])
    assert [loss.id for loss in batch.losses] == [1, 2]


def test_rows_of_the_flows_table_can_be_replayed() -> None:
    derived = {
        "remote_workload": "db",
        "remote_source": "heartbeat",
        "remote_reason": "",
        "canonical": True,
        "topic": "weir.flows",
        "partition": 1,
        "first_offset": 9,
    }
    (batch,) = read_batches([flow_line(**derived, local_ip="::ffff:10.0.0.1")])
    assert format_address(batch.flows.local_ip[0].tobytes()) == "::ffff:10.0.0.1"


def test_protocols_by_number_and_in_any_case() -> None:
    (batch,) = read_batches([flow_line(protocol=value) for value in ("TCP", "17", 132, "gre", 255)])
    assert batch.flows.protocol.tolist() == [6, 17, 132, 47, 255]


def test_blank_lines_are_no_lines() -> None:
    assert len(read_batches([b"", b"  \n", flow_line() + b"\r\n"])) == 1


def _value(column: Any, row: int) -> Any:
    if isinstance(column, Histogram):
        mine = column.row == row
        return list(zip(column.bucket[mine].tolist(), column.samples[mine].tolist(), strict=True))
    return column[row].tolist()


def rows_of(items: list[FlowBatch]) -> list[tuple[Any, ...]]:
    """Flows, heartbeats and losses with all that they belong to, names instead of positions."""
    rows: list[tuple[Any, ...]] = []
    for batch in items:
        place = (batch.node_id, batch.epoch, batch.window_seconds, batch.network, batch.region)
        for columns in (batch.flows, batch.heartbeats):
            for row in range(len(columns)):
                values = {name: _value(column, row) for name, column in vars(columns).items()}
                if "remote_domain" in values:
                    values["remote_domain"] = ("", *batch.domains)[values["remote_domain"]]
                for name in ("local_workload", "workload"):
                    if name in values:
                        values[name] = batch.workloads[values[name]]
                if values.get("port") == 0:
                    values["protocol"] = 0  # a protocol without a port says nothing
                rows.append((*place, batch.window_start_us, str(values)))
        rows += [(*place, loss.window_start_us, str(loss)) for loss in batch.losses]
    return rows


@given(batches())
@settings(max_examples=100, deadline=None)
def test_a_batch_survives_its_recording(batch: FlowBatch) -> None:
    again = read_batches(list(format_batch(batch)))
    assert sorted(rows_of(again)) == sorted(rows_of([batch]))
    for item in again:
        encode_batch(item)


@given(IP_EVENTS)
def test_an_event_survives_its_recording(event: IpEvent) -> None:
    assert read([format_ip_event(event)]) == [event]


@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_the_cut_into_batches_changes_no_flow_and_keeps_a_windows_order(seed: int, size: int, held: int) -> None:
    order = random.Random(seed)
    lines = []
    for number in range(60):
        extra = {"service_port": number} if order.random() < 0.5 else {"role": "server", "service_port": number}
        lines.append(flow_line(node_id=f"n{order.randrange(3)}", bytes_sent=number, **extra))
    items = read_batches(lines, batch_items=size, open_items=held)
    assert max(len(item.flows) for item in items) <= size
    for node in ("n0", "n1", "n2"):
        ports = [port for item in items if item.node_id == node for port in item.flows.service_port.tolist()]
        assert ports == [json.loads(line)["service_port"] for line in lines if json.loads(line)["node_id"] == node]


def test_interleaved_nodes_and_windows_make_large_batches() -> None:
    starts = [f"2026-01-01T00:{minute:02d}:00Z" for minute in range(10)]
    lines = [flow_line(node_id=f"n{i % 20}", window_start=starts[i // 20 % 10], service_port=i % 999) for i in range(20_000)]
    sizes = [len(item.flows) for item in read_batches(lines)]
    assert (len(sizes), sum(sizes)) == (200, 20_000)


def test_a_heartbeat_of_many_addresses_is_cut() -> None:
    line = json.loads(CONTRACT.splitlines()[2])
    line["addresses"] = [{"ip": f"10.0.{i // 250}.{i % 250}", "workload": f"w{i}"} for i in range(4_500)]
    items = read_batches([json.dumps(line).encode()])
    assert [len(item.heartbeats) for item in items] == [2_000, 2_000, 500]
    assert [item.seq for item in items] == [0, 1, 2]
    assert rows_of([decode_batch(encode_batch(item)) for item in items]) == rows_of(items)


def test_columns_have_the_types_of_the_codec() -> None:
    mixed = [flow_line(bytes_sent=1), flow_line(role="server"), flow_line(first_seen="2026-01-01T00:00:01.25Z")]
    for lines in (mixed[:1], mixed):
        (batch,) = read_batches(lines)
        again = decode_batch(encode_batch(batch))
        np.testing.assert_array_equal(again.flows.bytes_sent, batch.flows.bytes_sent)


@pytest.mark.parametrize("as_text", [True, False])
def test_lines_may_be_text_or_bytes(as_text: bool) -> None:
    line = flow_line(local_workload="wörk")
    (batch,) = read([line.decode()]) if as_text else read([line])
    assert isinstance(batch, FlowBatch) and batch.workloads == ("wörk",)


@pytest.mark.parametrize(("nodes", "batch_items", "open_items", "expected"), [(1, 10, 1_000, 10), (5, 10, 7, 8)])
def test_a_full_batch_and_a_full_house_do_not_wait_for_more_lines(nodes: int, batch_items: int, open_items: int, expected: int) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield flow_line(node_id=f"n{taken % nodes}")

    next(read_recording(endless(), lambda refusal: None, batch_items=batch_items, open_items=open_items))
    assert taken == expected
