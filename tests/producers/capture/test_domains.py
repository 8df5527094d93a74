"""Names of rows by time, memory and contest; and how rows and batches carry them."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpf.layout import DOMAIN, DOMAIN_KEY, KEY, VALUE
from bpf.probe import Asked, Drained, Lost
from producers.capture.aggregate import CONTESTED, RowDomains, fold
from producers.capture.batches import NAME_BYTES_A_BATCH, Source, cut
from producers.capture.domains import DomainNames
from producers.capture.window import Window
from schemas.records.flow_batch import ROLE_CLIENT, ROLE_SERVER, FlowBatch
from schemas.wire.codec import decode_batch, encode_batch
from tests.support.processes import ROOT


@dataclass(frozen=True)
class Row:
    remote: int = 1
    first: int = 100
    last: int = 200
    cgroup: int = 7
    role: int = ROLE_CLIENT
    port: int = 443


@dataclass(frozen=True)
class Entry:
    name: str
    asked: int = 50
    expires: int = 300
    contested_until: int = 0
    remote: int = 1
    cgroup: int = 7


def address(number: int) -> np.ndarray:
    return np.frombuffer(bytes(10) + b"\xff\xff\xc6\x33\x64" + bytes([number]), np.uint8)


def drained(*rows: Row) -> Drained:
    keys, values = np.zeros(len(rows), KEY), np.zeros(len(rows), VALUE)
    for i, row in enumerate(rows):
        keys["cgroup"][i], keys["role"][i], keys["service_port"][i], keys["remote_ip"][i] = (
            row.cgroup,
            row.role,
            row.port,
            address(row.remote),
        )
        values["first_ns"][i], values["last_ns"][i], values["packets_sent"][i] = row.first, row.last, 1
    return Drained(keys, values)


def asked(*entries: Entry) -> Asked:
    keys, values = np.zeros(len(entries), DOMAIN_KEY), np.zeros(len(entries), DOMAIN)
    for i, entry in enumerate(entries):
        keys["cgroup"][i], keys["address"][i] = entry.cgroup, address(entry.remote)
        values["asked_ns"][i], values["expires_ns"][i], values["contested_until_ns"][i] = entry.asked, entry.expires, entry.contested_until
        values["length"][i] = len(entry.name)
        values["name"][i, : len(entry.name)] = np.frombuffer(entry.name.encode(), np.uint8)
    return Asked(keys, values)


def shown(names: RowDomains) -> list[str]:
    return ["" if number == 0 else "?" if number == CONTESTED else names.texts[number - 1] for number in names.numbers]


def named(*rows: Row, by: tuple[Entry, ...], after: DomainNames | None = None) -> list[str]:
    return shown((after or DomainNames()).of_rows(drained(*rows), asked(*by)))


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (Entry("a"), "a"),
        (Entry("a", asked=200), "a"),
        (Entry("a", asked=201), ""),
        (Entry("a", asked=10, expires=100), "a"),
        (Entry("a", asked=10, expires=99), ""),
        (Entry("a", contested_until=250), "?"),
        (Entry("a", expires=60, contested_until=100), "?"),
        (Entry("a", expires=100, contested_until=60), "?"),
        (Entry("a", expires=60, contested_until=99), ""),
        (Entry("a", remote=2), ""),
        (Entry("a", cgroup=8), ""),
    ],
)
def test_a_name_fits_by_cgroup_address_and_time(entry: Entry, name: str) -> None:
    assert named(Row(), by=(entry,)) == [name]


def test_only_clients_ends_are_named() -> None:
    assert named(Row(role=ROLE_SERVER), Row(role=0), Row(), by=(Entry("a"),)) == ["", "", "a"]


def test_nothing_asked_nothing_named() -> None:
    assert named(Row(), by=()) == [""]
    assert named(by=(Entry("a"),)) == []


def test_a_name_goes_on_with_its_flow_and_ends_with_it() -> None:
    names = DomainNames()
    assert named(Row(), by=(Entry("a"),), after=names) == ["a"]
    for _ in range(3):
        assert named(Row(first=400, last=900), by=(), after=names) == ["a"]
    assert named(Row(remote=2), by=(), after=names) == [""]
    assert named(Row(first=400, last=900), by=(), after=names) == [""]


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (Entry("a", asked=500, expires=800), "a"),
        (Entry("a", asked=50, expires=300), "a"),
        (Entry("b", asked=500, expires=800), "?"),
        (Entry("b", asked=950, expires=999), "?"),
        (Entry("a", asked=310, expires=320, contested_until=330), ""),
        (Entry("a", asked=310, expires=420, contested_until=330), "?"),
    ],
)
def test_a_flow_that_was_named_meets_what_is_asked_next(entry: Entry, name: str) -> None:
    names = DomainNames()
    assert named(Row(), by=(Entry("a"),), after=names) == ["a"]
    assert named(Row(first=400, last=900), by=(entry,), after=names) == [name]
    assert named(Row(first=1_000, last=1_100), by=(), after=names) == ["a" if name == "a" else ""]


def folded_name(*rows: Row, by: tuple[Entry, ...]) -> str:
    """Of rows that make one flow of one workload."""
    raw = drained(*rows)
    folded = fold(raw, lambda _: "shop", 0, 10**9, asked=DomainNames().of_rows(raw, asked(*by)))
    (number,) = folded.flows.remote_domain
    return folded.domains[number - 1] if number else ""


def test_cgroups_of_one_workload_have_one_name_or_none() -> None:
    rows = (Row(cgroup=7), Row(cgroup=8))
    assert folded_name(*rows, by=(Entry("a"), Entry("a", cgroup=8))) == "a"
    assert folded_name(*rows, by=(Entry("a"),)) == "a"
    assert folded_name(*rows, by=(Entry("a"), Entry("b", cgroup=8))) == ""
    assert folded_name(*rows, by=(Entry("a"), Entry("a", cgroup=8, contested_until=300))) == ""


TIMES = st.integers(0, 30)
WINDOW_ROWS = st.lists(
    st.builds(
        lambda remote, first, length, cgroup, role: Row(remote, first, first + length, cgroup, role),
        st.integers(1, 4),
        TIMES,
        st.integers(0, 9),
        st.integers(7, 8),
        st.sampled_from([ROLE_CLIENT, ROLE_CLIENT, ROLE_SERVER]),
    ),
    max_size=9,
)
ENTRIES = st.lists(
    st.builds(Entry, st.sampled_from("abc"), TIMES, TIMES, st.sampled_from([0, 0, 0, 9, 25]), st.integers(1, 4), st.integers(7, 8)),
    max_size=8,
    unique_by=lambda entry: (entry.cgroup, entry.remote),
)


def plain(row: Row, entries: list[Entry], before: dict[tuple[int, int], str]) -> str:
    """The rule, a row at a time."""
    if row.role != ROLE_CLIENT:
        return ""
    had = before.get((row.cgroup, row.remote), "")
    for entry in entries:
        if (entry.cgroup, entry.remote) == (row.cgroup, row.remote):
            meets = entry.asked <= row.last and max(entry.expires, entry.contested_until) >= row.first
            if had and entry.name != had or entry.contested_until and meets:
                return "?"
            return entry.name if meets else had if not entry.contested_until else ""
    return had


@given(st.lists(st.tuples(WINDOW_ROWS, ENTRIES), min_size=1, max_size=4))
def test_columns_say_what_the_plain_rule_says(windows: list[tuple[list[Row], list[Entry]]]) -> None:
    names, before = DomainNames(), dict[tuple[int, int], str]()
    for rows, entries in windows:
        expected = [plain(row, entries, before) for row in rows]
        assert named(*rows, by=tuple(entries), after=names) == expected
        seen: dict[tuple[int, int], set[str]] = {}
        for row, name in zip(rows, expected, strict=True):
            seen.setdefault((row.cgroup, row.remote), set()).add(name)
        before = {key: name for key, found in seen.items() if len(found - {""}) == 1 and (name := max(found)) != "?"}


def batches(count: int, length: int, batch_flows: int = 5_000) -> tuple[list[str], tuple[FlowBatch, ...]]:
    """Flows of one workload, each with a domain of its own but every fifth; and the domains in the flows' order."""
    rows = [Row(port=i) for i in range(count)]
    texts = tuple(f"{i:0>{length}}" for i in range(count, 0, -1))
    numbers = np.array([0 if i % 5 == 4 else i + 1 for i in range(count)], np.uint32)
    raw = drained(*rows)
    folded = fold(raw, lambda _: "shop", 0, 10**9, asked=RowDomains(texts, numbers))
    expected = ["" if i % 5 == 4 else texts[i] for i in range(count)]
    return expected, cut(Source("n1", 5, "r", "default"), Window(0, 10), 0, folded, (), (), batch_flows)


def test_a_batch_has_the_domains_that_it_uses_and_no_others() -> None:
    expected, cuts = batches(23, 9, 7)
    found = [("", *batch.domains)[number] for batch in cuts for number in batch.flows.remote_domain]
    assert found == expected
    assert all(batch.domains == tuple(sorted(set(batch.domains))) for batch in cuts)
    assert all(len(batch.domains) == (batch.flows.remote_domain > 0).sum() for batch in cuts)


def test_domains_count_towards_a_message() -> None:
    expected, cuts = batches(4_000, 253)
    assert [("", *batch.domains)[number] for batch in cuts for number in batch.flows.remote_domain] == expected
    assert max(sum(map(len, batch.domains)) for batch in cuts) <= NAME_BYTES_A_BATCH
    assert len(cuts) < 32


def test_domains_survive_the_wire() -> None:
    for batch in batches(9, 9, 4)[1]:
        read = decode_batch(encode_batch(batch))
        assert (read.domains, read.flows.remote_domain.tolist()) == (batch.domains, batch.flows.remote_domain.tolist())


def test_names_that_found_no_room_are_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    names = DomainNames([Lost("domains_full", 0, 0, 5)])
    with caplog.at_level(logging.WARNING):
        for events in (5, 12, 12):
            names.report([Lost("map_full", 3, 180, events), Lost("domains_full", 0, 0, events)])
    assert [record.message for record in caplog.records] == [
        "7 addresses of DNS answers had no room among the kernel's names: flows to them have no remote_domain."
    ]


def test_it_needs_no_masked_arrays() -> None:
    """They are megabytes that a resident process need not have."""
    script = (
        "import sys; from tests.producers.capture.test_domains import *; import numpy; assert 'numpy.ma' not in sys.modules\n"
        "names = DomainNames(); named(Row(), Row(remote=2), by=(Entry('a'),), after=names); named(Row(), by=(), after=names)\n"
        "print('numpy.ma' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr
