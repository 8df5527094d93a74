"""Folding conserves every counter, keeps one row a flow key, and does not depend on the map's order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bpf.layout import KEY, VALUE
from bpf.probe import Drained
from producers.capture.aggregate import NOTHING, Folded, fold, renamed
from producers.identity.served import Served
from schemas.records.flow_batch import COUNTERS, FLOW_DTYPES, HISTOGRAMS, ROLE_CLIENT, ROLE_SERVER, FlowColumns
from schemas.records.histogram import BUCKETS, Histogram, histogram_of_lists

NOW_US = 1_700_000_000_000_000
NAMES = {1: "a", 2: "a", 3: "b", 4: ""}
rows = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 1), st.integers(0, 2), st.integers(0, 1), st.integers(1, 10**9), st.integers(0, 10**6)),
    max_size=40,
    unique_by=lambda row: row[:4],
)


def drained(cells: list[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray]:
    keys, values = np.zeros(len(cells), KEY), np.zeros(len(cells), VALUE)
    for row, (cgroup, local, remote, role, seen_ns, number) in enumerate(cells):
        keys[row]["cgroup"], keys[row]["role"], keys[row]["service_port"], keys[row]["protocol"] = cgroup, role, 443, 6
        keys[row]["local_ip"][15], keys[row]["remote_ip"][0] = local, remote
        for index, counter in enumerate(COUNTERS):
            values[row][counter] = number + index
        values[row]["first_ns"], values[row]["last_ns"] = seen_ns, seen_ns + number
    return keys, values


def samples(cells: list[tuple[int, ...]], kind: int) -> Histogram:
    """Up to four samples in up to five buckets of a row, other ones for each kind of histogram."""
    return histogram_of_lists([[(number >> 2 * bucket + kind) % 4 for bucket in range(5)] for *_, number in cells])


def folded(cells: list[tuple[int, ...]]) -> Folded:
    keys, values = drained(cells)
    return fold(Drained(keys, values, samples(cells, 0), samples(cells, 1)), NAMES.__getitem__, NOW_US * 1000 - 2 * 10**9, NOW_US)


@given(rows)
def test_counters_are_conserved(cells: list[tuple[int, ...]]) -> None:
    _, values = drained(cells)
    flows = folded(cells).flows
    for counter in COUNTERS:
        if counter == "rtt_us_max":
            assert flows.rtt_us_max.max(initial=0) == values["rtt_us_max"].max(initial=0)
        else:
            assert getattr(flows, counter).sum() == values[counter].sum()


@given(rows)
def test_samples_are_conserved_by_flow_and_bucket(cells: list[tuple[int, ...]]) -> None:
    result = folded(cells)
    flows = result.flows
    for kind, histogram in enumerate((flows.rtt, flows.connect)):
        expected: Counter[tuple[object, ...]] = Counter()
        given_ = samples(cells, kind)
        for row, bucket, count in zip(given_.row, given_.bucket, given_.samples, strict=True):
            cgroup, *rest = cells[row][:4]
            expected[(NAMES[cgroup], *rest, int(bucket))] += int(count)
        found: Counter[tuple[object, ...]] = Counter()
        for row, bucket, count in zip(histogram.row, histogram.bucket, histogram.samples, strict=True):
            ends = (int(flows.local_ip[row][15]), int(flows.remote_ip[row][0]), int(flows.role[row]))
            found[(result.workloads[flows.local_workload[row]], *ends, int(bucket))] += int(count)
        assert found == expected
        cells_of = histogram.row.astype(int) * BUCKETS + histogram.bucket
        assert (np.diff(cells_of) > 0).all(), "sorted, each once"
        assert [column.dtype for column in (histogram.row, histogram.bucket, histogram.samples)] == [np.uint32, np.uint8, np.uint32]


def test_samples_of_one_bucket_stop_at_their_limit() -> None:
    keys, values = drained([(1, 0, 0, 0, 1, 1), (2, 0, 0, 0, 1, 1)])
    most = histogram_of_lists([[0, 2**32 - 1], [0, 2**32 - 1]])
    flows = fold(Drained(keys, values, rtt=most), NAMES.__getitem__, 0, NOW_US).flows
    assert (flows.rtt.row.tolist(), flows.rtt.bucket.tolist(), flows.rtt.samples.tolist()) == ([0], [1], [2**32 - 1])
    assert len(flows.connect) == 0


@given(rows)
def test_no_flow_key_stands_twice(cells: list[tuple[int, ...]]) -> None:
    result = folded(cells)
    flows = result.flows
    keys = {
        (result.workloads[flows.local_workload[i]], flows.local_ip[i].tobytes(), flows.remote_ip[i].tobytes(), int(flows.role[i]))
        for i in range(len(flows))
    }
    assert len(keys) == len(flows) == len({(NAMES[c[0]], *c[1:4]) for c in cells})


@given(rows, st.randoms())
def test_the_maps_order_does_not_matter(cells: list[tuple[int, ...]], random: object) -> None:
    shuffled = list(cells)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = folded(cells), folded(shuffled)
    assert one.workloads == other.workloads
    for name in FLOW_DTYPES:
        np.testing.assert_array_equal(getattr(one.flows, name), getattr(other.flows, name))
    for name in HISTOGRAMS:
        for column in ("row", "bucket", "samples"):
            np.testing.assert_array_equal(getattr(getattr(one.flows, name), column), getattr(getattr(other.flows, name), column))


@given(rows)
def test_columns_have_the_batchs_types(cells: list[tuple[int, ...]]) -> None:
    for name, dtype in FLOW_DTYPES.items():
        assert getattr(folded(cells).flows, name).dtype == dtype


def test_cgroups_of_one_workload_span_their_times_and_keep_the_worst_round_trip() -> None:
    flows = folded([(1, 0, 0, 0, 1_000_000, 5_000), (2, 0, 0, 0, 3_000_000, 2_000)]).flows
    assert len(flows) == 1
    assert flows.last_seen_us[0] - flows.first_seen_us[0] == 2_002
    assert flows.rtt_us_max[0] == 5_000 + COUNTERS.index("rtt_us_max")


def test_an_entry_without_a_packet_has_the_present() -> None:
    keys, values = drained([(1, 0, 0, 0, 1, 1)])
    values["first_ns"] = values["last_ns"] = 0
    flows: FlowColumns = fold(Drained(keys, values), NAMES.__getitem__, 0, NOW_US).flows
    assert (flows.first_seen_us[0], flows.last_seen_us[0]) == (NOW_US, NOW_US)


def test_a_stamp_from_the_future_is_held_to_now() -> None:
    keys, values = drained([(1, 0, 0, 0, 10**18, 1)])
    flows = fold(Drained(keys, values), NAMES.__getitem__, NOW_US * 1000, NOW_US).flows
    assert flows.first_seen_us[0] == flows.last_seen_us[0] == NOW_US


def test_narrow_counters_stop_at_their_limit() -> None:
    keys, values = drained([(1, 0, 0, 0, 1, 1), (2, 0, 0, 0, 1, 1)])
    values["retransmits"] = 2**32 - 1
    values["bytes_sent"] = 2**63 - 1
    flows = fold(Drained(keys, values), NAMES.__getitem__, 0, NOW_US).flows
    assert (flows.retransmits[0], flows.bytes_sent[0]) == (2**32 - 1, 2**63 - 1)


def test_nothing_folds_to_nothing() -> None:
    assert folded([]) is NOTHING


@given(rows)
def test_what_a_socket_served_is_its_users(cells: list[tuple[int, ...]]) -> None:
    first, second = bytes(16), bytes(15) + b"\1"
    served = Served({(1, first, 443, 6): "user"}, {second: "tenant"}, frozenset({2}))
    cells = [(*cell[:3], (ROLE_CLIENT, ROLE_SERVER)[cell[3]], *cell[4:]) for cell in cells]
    keys, values = drained(cells)
    result = fold(Drained(keys, values), NAMES.__getitem__, NOW_US * 1000 - 2 * 10**9, NOW_US, served)

    def expected(cgroup: int, local: int, role: int) -> str:
        if role == ROLE_SERVER and (cgroup, local) == (1, 0):
            return "user"
        return "tenant" if role == ROLE_SERVER and local == 1 and cgroup != 2 else NAMES[cgroup]

    flows = result.flows
    columns = zip(flows.local_workload, flows.local_ip, flows.role, strict=True)
    found = [(result.workloads[workload], int(ip[15]), int(role)) for workload, ip, role in columns]
    assert set(found) == {(expected(cgroup, local, role), local, role) for cgroup, local, _, role, *_ in cells}
    assert set(result.workloads) == {name for name, _, _ in found}
    assert flows.packets_sent.sum() == values["packets_sent"].sum()


def lists(histogram: Histogram) -> list[tuple[int, ...]]:
    return list(zip(histogram.row.tolist(), histogram.bucket.tolist(), histogram.samples.tolist(), strict=True))


@given(rows)
def test_renaming_holders_gives_what_folding_by_the_new_names_gives(cells: list[tuple[int, ...]]) -> None:
    keys, values = drained(cells)
    whole = Drained(keys, values, samples(cells, 0), samples(cells, 1))
    clock = (NOW_US * 1000 - 2 * 10**9, NOW_US)
    holders, names = {1: "pod/1", 2: "pod/2", 3: "pod/3", 4: ""}, {"pod/1": "shop/web", "pod/3": "shop/web"}
    found = renamed(fold(whole, holders.__getitem__, *clock), lambda name: names.get(name, name))
    expected = fold(whole, lambda cgroup: names.get(holders[cgroup], holders[cgroup]), *clock)
    assert found.workloads == expected.workloads
    for field in FLOW_DTYPES:
        column, there = getattr(found.flows, field), getattr(expected.flows, field)
        assert column.dtype == there.dtype and (column == there).all(), field
    for kind in HISTOGRAMS:
        assert lists(getattr(found.flows, kind)) == lists(getattr(expected.flows, kind))


def test_flows_that_become_one_keep_a_domain_only_where_all_had_it() -> None:
    keys, values = drained([(1, 0, 0, 0, 5, 1), (2, 0, 0, 0, 5, 1)])
    for numbers, kept in (([1, 1], 1), ([1, 2], 0), ([1, 0], 0)):
        before = fold(Drained(keys, values), {1: "pod/1", 2: "pod/2"}.__getitem__, 0, NOW_US)
        flows = replace(before.flows, remote_domain=np.array(numbers, np.uint32))
        after = renamed(Folded(before.workloads, flows, ("a.example", "b.example")), lambda _: "shop/web")
        assert after.flows.remote_domain.tolist() == [kept] and len(after.flows) == 1


def test_names_that_stay_cost_nothing() -> None:
    before = folded([(1, 0, 0, 0, 5, 1)])
    assert renamed(before, str) is before
