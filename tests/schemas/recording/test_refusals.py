"""A line that cannot be used is refused with its number and one sentence; the lines around it go on."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.recording.read import Refusal, read_recording
from schemas.records.flow_batch import FlowBatch
from schemas.wire.codec import encode_batch
from tests.schemas.recording.test_read import CONTRACT, flow_line

_, FLOW, HEARTBEAT, EVENT, LOSS = (json.loads(line) if line else {} for line in CONTRACT.splitlines())

WRONG_FLOWS: list[tuple[str, dict[str, Any]]] = [
    ("bytes_sent is True; it must be a whole number", {"bytes_sent": True}),
    ("bytes_sent is 1.5", {"bytes_sent": 1.5}),
    ("bytes_sent is '7'", {"bytes_sent": "7"}),
    ("bytes_sent is None", {"bytes_sent": None}),
    ("bytes_sent is -1; it must be at least 0", {"bytes_sent": -1}),
    ("bytes_sent is 9223372036854775808; it must be .* below 9223372036854775808", {"bytes_sent": 2**63}),
    ("bytes_sent is 1.8", {"bytes_sent": 2**64}),
    ("rtt_us_max is 4294967296", {"rtt_us_max": 2**32}),
    ("service_port is 65536", {"service_port": 65_536}),
    ("'10.0.0' is no IP address", {"local_ip": "10.0.0"}),
    ("'10.0.0.1/24' is no IP address", {"local_ip": "10.0.0.1/24"}),
    ("'fe80::1%eth0' is no IP address", {"remote_ip": "fe80::1%eth0"}),
    ("remote_ip is 167772161; it must be a text", {"remote_ip": 167772161}),
    ("remote_ip is \\['10.0.0.1'\\]", {"remote_ip": ["10.0.0.1"]}),
    ("protocol 'tpc' is unknown", {"protocol": "tpc"}),
    ("protocol 256 is unknown", {"protocol": 256}),
    ("protocol True is unknown", {"protocol": True}),
    ("protocol is a list", {"protocol": []}),
    ("role is 'clint'; it must be client, server or unknown", {"role": "clint"}),
    ("role is 1", {"role": 1}),
    ("local_workload 'a\\\\nb' holds the control character", {"local_workload": "a\nb"}),
    ("is 10000 bytes long", {"local_workload": "x" * 10_000}),
    ("'yesterday' is no RFC 3339 instant", {"first_seen": "yesterday"}),
    ("'2026-01-01T00:00:01' is no RFC 3339 instant", {"first_seen": "2026-01-01T00:00:01"}),
    ("'2026-02-30T00:00:01Z' is no RFC 3339 instant", {"first_seen": "2026-02-30T00:00:01Z"}),
    ("instants lie between", {"first_seen": "1969-12-31T23:59:59Z"}),
    ("last_seen of row 0 is", {"first_seen": "2026-01-01T00:00:02Z", "last_seen": "2026-01-01T00:00:01Z"}),
    ("The field 'bytes_snt' of kind flow is unknown: did you mean bytes_sent", {"bytes_snt": 1}),
    ("epoch is True", {"epoch": True}),
    ("epoch is 1.0", {"epoch": 1.0}),
    ("epoch is -1", {"epoch": -1}),
    ("node_id is empty", {"node_id": ""}),
    ("node_id is \\[\\]", {"node_id": []}),
    ("control character", {"node_id": "n\0"}),
    ("network is None", {"network": None}),
    ("window_seconds is 0", {"window_seconds": 0}),
    ("on a whole second", {"window_start": "2026-01-01T00:00:00.5Z"}),
    ("window_start is 1767225600; it must be a text", {"window_start": 1767225600}),
    ("instants lie between 1970 and 2106", {"window_start": "2106-02-07T06:28:16Z"}),
    ("kind 'flw' is unknown: did you mean flow", {"kind": "flw"}),
    ("kind 'address' is unknown", {"kind": "address"}),
    ("has no kind", {"kind": 3}),
]

WRONG_OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("addresses is no list", {**HEARTBEAT, "addresses": {}}),
    ("addresses is no list", {**HEARTBEAT, "addresses": ["10.0.0.1"]}),
    ("workload of kind address is missing", {**HEARTBEAT, "addresses": [{"ip": "10.0.0.1"}]}),
    ("'wrokload' of kind address is unknown: .* workload", {**HEARTBEAT, "addresses": [{"ip": "::", "workload": "w", "wrokload": "w"}]}),
    ("Port 80 of an address has no protocol", {**HEARTBEAT, "addresses": [{"ip": "::", "workload": "w", "port": 80}]}),
    ("before its start", {**HEARTBEAT, "addresses": [{"ip": "::", "workload": "w", "end": "2025-12-31T23:59:59Z"}]}),
    ("no IP address", {**HEARTBEAT, "addresses": [{"ip": "::1", "workload": "w"}, {"ip": "x", "workload": "w"}]}),
    ("reason of kind loss is missing", {key: value for key, value in LOSS.items() if key != "reason"}),
    ("packets is -3", {**LOSS, "packets": -3}),
    ("control character", {**LOSS, "stage": "a\tb"}),
    ("event is 'asigned'", {**EVENT, "event": "asigned"}),
    ("without a name", {**EVENT, "workload": ""}),
    ("no RFC 3339 instant", {**EVENT, "at": "2026-01-01"}),
    ("at of kind ip_event is missing", {key: value for key, value in EVENT.items() if key != "at"}),
]


def refuse_between(line: bytes) -> str:
    """The reason, after it is seen that the lines before and after were used."""
    refusals: list[Refusal] = []
    lines = [flow_line(service_port=1), line, flow_line(service_port=2)]
    items = [item for item in read_recording(lines, refusals.append) if isinstance(item, FlowBatch)]
    assert [port for item in items for port in item.flows.service_port.tolist()] == [1, 2]
    assert [refusal.line for refusal in refusals] == [2]
    return refusals[0].reason


@pytest.mark.parametrize(("sentence", "wrong"), WRONG_FLOWS, ids=[str(wrong)[:40] for _, wrong in WRONG_FLOWS])
def test_a_wrong_flow(sentence: str, wrong: dict[str, Any]) -> None:
    reason = refuse_between(flow_line(**wrong))
    assert re.search(sentence, reason), reason
    assert reason.endswith((".", "?")) and "\n" not in reason


@pytest.mark.parametrize(("sentence", "wrong"), WRONG_OTHERS)
def test_a_wrong_line_of_another_kind(sentence: str, wrong: dict[str, Any]) -> None:
    reason = refuse_between(json.dumps(wrong).encode())
    assert re.search(sentence, reason), reason


@pytest.mark.parametrize("name", ["node_id", "epoch", "window_start", "window_seconds", "local_ip", "remote_ip", "protocol"])
def test_a_missing_field(name: str) -> None:
    line = {key: value for key, value in FLOW.items() if key != name}
    assert refuse_between(json.dumps(line).encode()) == f"The field {name} of kind flow is missing; add it."


@pytest.mark.parametrize("line", [b"{", b"[]", b"3", b"null", b"\xff{}", b'{"kind":"flow"} {}', b"{}"])
def test_what_is_no_json_object(line: bytes) -> None:
    assert refuse_between(line)


def test_many_refusals_among_good_flows_keep_number_and_order() -> None:
    lines = [flow_line(service_port=i, **({"bytes_sent": -i} if i % 3 == 1 else {})) for i in range(3_000)]
    refusals: list[Refusal] = []
    items = [item for item in read_recording(lines, refusals.append) if isinstance(item, FlowBatch)]
    assert [port for item in items for port in item.flows.service_port.tolist()] == [i for i in range(3_000) if i % 3 != 1]
    assert [refusal.line for refusal in refusals] == [i + 1 for i in range(3_000) if i % 3 == 1]


def test_refused_lines_leave_no_names_and_no_empty_batches() -> None:
    refusals: list[Refusal] = []
    lines = [flow_line(local_workload="ghost", bytes_sent=-1), flow_line(node_id="n2", window_seconds=0)]
    assert list(read_recording(lines, refusals.append)) == []
    (batch,) = read_recording([lines[0], flow_line(local_workload="real")], refusals.append)
    assert isinstance(batch, FlowBatch) and batch.workloads == ("real",)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from([FLOW, HEARTBEAT, EVENT, LOSS]), st.data())
@settings(max_examples=400, deadline=None)
def test_any_value_anywhere_is_used_or_refused_and_never_crashes(line: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(line)) | st.text(max_size=5))
    refusals: list[Refusal] = []
    spoilt = json.dumps({**line, name: data.draw(JSON_VALUES)}).encode()
    items = list(read_recording([spoilt], refusals.append))
    assert len(items) + len(refusals) == 1 or (name == "addresses" and not refusals)
    for item in items:
        if isinstance(item, FlowBatch):
            encode_batch(item)


def test_true_is_no_protocol_even_beside_a_one() -> None:
    refusals: list[Refusal] = []
    (batch,) = read_recording([flow_line(protocol=1), flow_line(protocol=True)], refusals.append)
    assert isinstance(batch, FlowBatch) and batch.flows.protocol.tolist() == [1]
    assert [refusal.line for refusal in refusals] == [2]
