"""Messages of weir.ownership: one a key, all that is known in it, by the schema's own writer's bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Unreadable
from schemas.wire.codec import decode_ownership, encode_ownership
from streams.ownership.changelog import encode_changelog
from tests.streams.support import Said, address, statements

said = st.builds(
    lambda owner, start, length, ip, port, node, network, seen: Said(
        owner, start, start + length, address(ip, v6=ip == 3), port, node, network, 6 if port else 0, seen
    ),
    st.sampled_from(["A", "w\u00f6rk", ""]),
    st.integers(0, 2**50),
    st.integers(0, 2**40),
    st.integers(1, 3),
    st.sampled_from([0, 80, 443]),
    st.sampled_from(["x", ""]),
    st.sampled_from(["default", "blue"]),
    st.booleans(),
)


@given(st.lists(said, max_size=12))
def test_every_statement_is_told_once_under_its_address(all_said: list[Said]) -> None:
    found = []
    messages = encode_changelog(statements(all_said))
    for message in messages:
        record = decode_ownership(message.body)
        assert encode_ownership(record) == message.body
        for held in record.ranges:
            found.append((record.network, record.ip, held.port, held.protocol, held.workload, held.start_us, held.end_us, held.node_id))
            assert held.source in ("heartbeat", "flow")
    told = [(s.network, s.ip, s.port, s.protocol, s.workload, s.start_us, s.end_us, s.node) for s in all_said]
    assert sorted(found) == sorted(told)
    assert len({message.key for message in messages}) == len(messages) == len({(s.network, s.ip, s.protocol, s.port) for s in all_said})


def test_a_port_of_a_shared_address_has_a_key_of_its_own() -> None:
    both = encode_changelog(statements([Said("n", 0, 5), Said("app", 0, 5, port=80)]))
    assert sorted(message.key for message in both) == [b"default/::ffff:10.0.0.1", b"default/::ffff:10.0.0.1/6/80"]


def test_times_that_readers_would_refuse_are_not_told() -> None:
    with pytest.raises(Unreadable, match="before its start"):
        encode_changelog(statements([Said("A", 5, 4)]))
