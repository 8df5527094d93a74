"""Changes of findings, to bytes and back; what readers would refuse is not written."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Unreadable
from schemas.records.finding import Finding, FindingKey, Kind, Severity
from schemas.records.finding_change import EVIDENCE_BYTES, ChangeKind, FindingChange, FindingsCheckpoint, Withheld
from schemas.records.validation import INSTANT_LIMIT_US
from schemas.wire.finding_codec import decode_change, decode_checkpoint, encode_change, encode_checkpoint

names = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)
instants = st.integers(0, INSTANT_LIMIT_US - 1)
kinds = st.sampled_from([kind for one in get_args(Kind) for kind in (get_args(one) or (one,))])
keys = st.builds(FindingKey, kinds, names, names, names, st.integers(0, 65_535))
changes = st.builds(
    lambda change, key, severity, times, count, evidence, withheld: FindingChange(
        change, Finding("f" * 32, key, "closed" if change == "closed" else "open", severity, *times, count, evidence, times[1]), withheld
    ),
    st.sampled_from(get_args(ChangeKind)),
    keys,
    st.sampled_from(get_args(Severity)),
    st.tuples(instants, instants),
    st.integers(0, 2**62),
    names,
    st.sampled_from(get_args(Withheld)),
)
ONE = FindingChange(
    "opened", Finding("f" * 32, FindingKey("scan", "default", "a", "", 0), "open", "critical", 1, 2, 3, "{}", 5), ""
)  # fmt: skip


@given(changes)
def test_a_change_comes_back_as_it_was(change: FindingChange) -> None:
    assert decode_change(encode_change(change)) == change


@given(instants, instants)
def test_a_checkpoint_comes_back_as_it_was(at_us: int, since_us: int) -> None:
    checkpoint = FindingsCheckpoint(at_us, since_us)
    assert decode_checkpoint(encode_checkpoint(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"severity": "loud"}, "severity 'loud'"),
        ({"count": -1}, "count is -1"),
        ({"version": -1}, "at is -1"),
        ({"evidence": "x" * (EVIDENCE_BYTES + 1)}, f"{EVIDENCE_BYTES + 1} characters"),
        ({"key": FindingKey("scan", "default", "a", "", 70_000)}, "port 70000"),
        ({"key": FindingKey("scan", "default", "a\n", "", 0)}, "control character"),
    ],
)
def test_what_readers_would_refuse_is_not_written(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        encode_change(replace(ONE, finding=replace(ONE.finding, **wrong)))  # type: ignore[arg-type]
