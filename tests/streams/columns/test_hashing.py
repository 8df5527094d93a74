"""Flow hashes: the same for ever, different for every part of the key."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from schemas.records.flow_batch import FlowBatch, FlowColumns
from streams.columns.hashing import mix, named_flow_hashes
from streams.columns.merged import merge_batches
from tests.streams.support import address, batch


def hash_of(one: FlowBatch) -> int:
    return int(merge_batches([one], region="eu").hashes()[0])


def with_flows(one: FlowBatch, **columns: object) -> FlowBatch:
    return replace(one, flows=replace(one.flows, **columns))  # type: ignore[arg-type]


def test_a_hash_never_changes() -> None:
    """Another value here would make every flow of a running system new again after an upgrade."""
    assert hash_of(batch([7])) == 7325304372092071947


def test_another_process_gets_the_same() -> None:
    code = "from tests.streams.columns.test_hashing import *; print(hash_of(batch([7])))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "77"})
    assert int(answer.stdout) == hash_of(batch([7]))


def other_ip(last: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.frombuffer(address(last), np.uint8).reshape(1, 16)


@pytest.mark.parametrize(
    "changed",
    [
        with_flows(batch([7]), local_ip=other_ip(9)),
        with_flows(batch([7]), remote_ip=other_ip(9)),
        with_flows(batch([7]), local_ip=other_ip(7), remote_ip=other_ip(200)),
        with_flows(batch([7]), service_port=np.array([8], np.uint16)),
        with_flows(batch([7]), protocol=np.array([17], np.uint8)),
        with_flows(batch([7]), role=np.array([2], np.uint8)),
        replace(batch([7]), workloads=("cart",)),
        replace(batch([7]), network="other"),
    ],
)
def test_every_part_of_the_key_counts(changed: FlowBatch) -> None:
    assert hash_of(changed) != hash_of(batch([7]))


def test_nothing_else_does() -> None:
    one = batch([7])
    moved = replace(one, workloads=("spare", "checkout"), region="us", seq=9)
    moved = with_flows(moved, local_workload=np.array([1], np.uint32), bytes_sent=np.array([1], np.uint64))
    assert hash_of(moved) == hash_of(one)


def test_rows_of_the_table_give_the_same_hash() -> None:
    one = batch([7, 8, 9])
    flows: FlowColumns = one.flows
    none = np.zeros(3, np.uint32)
    key = (flows.local_ip, flows.remote_ip, flows.service_port, flows.protocol, flows.role)
    again = named_flow_hashes(*key, none + 1, ["x", "checkout"], none, ["default"])
    assert again.tolist() == merge_batches([one], region="eu").hashes().tolist()


def test_small_differences_spread_over_all_bits() -> None:
    mixed = mix([np.arange(65_536, dtype=np.uint64), np.zeros(65_536, np.uint64)])
    assert len(np.unique(mixed)) == 65_536
    shares = [float(((mixed >> np.uint64(bit)) & np.uint64(1)).mean()) for bit in range(64)]
    assert all(0.48 < share < 0.52 for share in shares)
    assert len(np.unique(mixed & np.uint64(0xFFFF))) > 0.6 * 65_536
