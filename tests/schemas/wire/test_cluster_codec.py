"""What watchers tell, to bytes and back; what readers would refuse is not written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Unreadable
from schemas.records.cluster import NODE_PORTS, ClusterRecord, NodeLabels, ServiceAddress, WatcherWatermark, WorkloadState, key_of
from schemas.records.validation import INSTANT_LIMIT_US
from schemas.wire.cluster_codec import CLUSTER_MESSAGES, LABELS, decode_cluster_record, encode_cluster_record

names = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)
instants = st.integers(0, INSTANT_LIMIT_US - 1)
labels = st.dictionaries(names, names, max_size=4)
addresses = st.binary(min_size=16, max_size=16)
workloads = st.lists(names, max_size=3).map(tuple)
records = st.one_of(
    st.builds(ServiceAddress, names, addresses, st.integers(0, 255), st.integers(0, 65_535), names, workloads, instants, names),
    st.builds(WatcherWatermark, names, names, instants, instants),
    st.builds(WorkloadState, names, names, names, names, labels, st.booleans(), instants),
    st.builds(NodeLabels, names, names, names, names, labels, instants),
)


@given(records)
def test_a_record_comes_back_as_it_was(record: ClusterRecord) -> None:
    assert type(record).__name__ in CLUSTER_MESSAGES
    assert decode_cluster_record(type(record).__name__, encode_cluster_record(record)) == record


def test_keys_tell_subjects_apart() -> None:
    service = ServiceAddress("default", NODE_PORTS, 6, 30080, "shop/web", ("shop/web",), 5, "w1")
    told = [
        service,
        WatcherWatermark("default", "w1", 0, 5),
        WorkloadState("default", "shop/web", "Deployment", "shop", {}, True, 5),
        NodeLabels("default", "n1", "", "", {}, 5),
    ]
    assert len({key_of(record) for record in told}) == len(told)
    assert key_of(service) == f"@services/default/{'00' * 16}/6/30080".encode()


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (ServiceAddress("default", b"short", 6, 80, "a/b", (), 5, "w"), "5 bytes"),
        (ServiceAddress("default", NODE_PORTS, 6, 70_000, "a/b", (), 5, "w"), "port 70000"),
        (ServiceAddress("default", NODE_PORTS, 6, 80, "a/b", ("a\n",), 5, "w"), "control character"),
        (WatcherWatermark("default", "w", 5, -1), "until is -1"),
        (NodeLabels("default", "n", "", "", {str(n): "" for n in range(LABELS + 1)}, 5), f"{LABELS + 1} labels"),
    ],
)
def test_what_readers_would_refuse_is_not_written(record: ClusterRecord, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        encode_cluster_record(record)
