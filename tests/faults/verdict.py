# ruff: noqa: S608 (every name in these statements stands in this file)
"""What the tables and a downstream program hold against the ledger: lost, doubled, off, misnamed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sinks.base import Sink
from tests.faults.bench import Bench
from tests.faults.downstream import totals
from tests.faults.sent import MOVES_EVERY, SUMMED, WINDOW_SECONDS, Counts, Ledger, Place
from tests.integration.made_recording import SECOND_US

KEY = "local_ip, remote_ip, service_port, protocol, role, local_workload, network, epoch"
ROLLUPS = {"flows_1m": 60, "flows_5m": 300, "flows_1h": 3_600}
SUMS = ", ".join(f"sum({name})" for name in SUMMED)


@dataclass(frozen=True)
class Verdict:
    """One place where flows end up. `off`: windows of a node whose sums are not the ledger's, whatever the number of its rows."""

    where: str
    expected: int
    found: int
    lost: int
    doubled: int
    off: int

    @property
    def clean(self) -> bool:
        return self.expected == self.found and not (self.lost or self.doubled or self.off)


@dataclass(frozen=True)
class Verdicts:
    """`reported`: what weir says that it did not count, beyond what the agents lost. `misnamed`: remote ends with a wrong name."""

    places: tuple[Verdict, ...]
    losses_off: int = 0
    reported: int = 0
    misnamed: int = 0
    nameless: int = 0
    downstream_repeats: int = 0

    @property
    def clean(self) -> bool:
        return all(place.clean for place in self.places) and not (self.losses_off or self.reported or self.misnamed)


def judge(bench: Bench) -> Verdicts:
    """With the crew gone. Kafka and the engine are asked as any program would."""
    ledger = bench.ledger
    with bench.pipeline.sink() as sink:
        places = [_raw(sink, ledger), *(_rollup(sink, ledger, table, seconds) for table, seconds in ROLLUPS.items())]
        losses_off, reported = _losses(sink, ledger)
        misnamed, nameless = _names(sink, ledger)
    downstream, repeats = _downstream(bench)
    return Verdicts((*places, downstream), losses_off, reported, misnamed, nameless, repeats)


def _raw(sink: Sink, ledger: Ledger) -> Verdict:
    found = _by_place(sink, f"SELECT {_window('window_start')}, node_id, count(), {SUMS}, uniqExact({KEY}) FROM weir.flows GROUP BY ALL")
    doubled = sum(counts[0] - counts[-1] for counts in found.values())
    unique = {place: (counts[-1], *counts[1:-1]) for place, counts in found.items()}
    same = compare("flows", ledger.by(WINDOW_SECONDS), unique)
    rows = sum(counts[0] for counts in found.values())
    return Verdict("flows", same.expected, rows, same.lost, doubled + same.doubled, same.off)


def _rollup(sink: Sink, ledger: Ledger, table: str, seconds: int) -> Verdict:
    found = _by_place(sink, f"SELECT {_window('window_start')}, node_id, sum(flows), {SUMS} FROM weir.{table} GROUP BY ALL")
    return compare(table, ledger.by(seconds), found)


def compare(where: str, sent: dict[Place, Counts], found: dict[Place, Counts]) -> Verdict:
    """Of anything that moves flows: how many of each window and node came out, and their sums."""
    nothing = (0,) * (1 + len(SUMMED))
    pairs = [(sent.get(place, nothing), found.get(place, nothing)) for place in sent.keys() | found.keys()]
    return Verdict(
        where,
        sum(counts[0] for counts in sent.values()),
        sum(counts[0] for counts in found.values()),
        sum(max(0, one[0] - other[0]) for one, other in pairs),
        sum(max(0, other[0] - one[0]) for one, other in pairs),
        sum(one != other for one, other in pairs),
    )


def _losses(sink: Sink, ledger: Ledger) -> tuple[int, int]:
    """Windows whose losses are not what their agent said, and flows of losses that no agent spoke of."""
    columns = f"{_window('window_start')}, node_id, sum(flows), sum(packets), sum(bytes)"
    told = _by_place(sink, f"SELECT {columns} FROM weir.losses WHERE stage = 'agent' GROUP BY ALL")
    others = _by_place(sink, f"SELECT {columns} FROM weir.losses WHERE stage != 'agent' GROUP BY ALL")
    off = sum(ledger.losses.get(place) != told.get(place) for place in ledger.losses.keys() | told.keys())
    return off, sum(counts[0] for counts in others.values())


def _names(sink: Sink, ledger: Ledger) -> tuple[int, int]:
    """Flows with a name that the ledger's fleet did not have there then, and flows without one."""
    start = ledger.shape.start_us // SECOND_US
    octets = "splitByChar('.', toString(remote_ip))"
    tenure = f"intDiv(intDiv({_window('window_start')} - {start}, {WINDOW_SECONDS}) + toUInt8({octets}[3]), {MOVES_EVERY})"
    truth = f"concat('w-', {octets}[3], '-', {octets}[4], '-', if(toUInt8({octets}[4]) % 4 = 0, toString({tenure}), '0'))"
    wrong = f"countIf(remote_workload != '' AND remote_workload != {truth})"
    (row,) = sink.query(f"SELECT {wrong} AS misnamed, countIf(remote_workload = '') AS nameless FROM weir.flows").to_pylist()
    return int(row["misnamed"]), int(row["nameless"])


def _downstream(bench: Bench) -> tuple[Verdict, int]:
    """A program that reads weir.attributed from its beginning, by the public class."""
    registry = bench.registry.memory if bench.registry else None
    found, repeats = totals(bench.kafka.bootstrap, registry, SUMMED)
    return compare("weir.attributed", bench.ledger.by(WINDOW_SECONDS), found), repeats


def _window(column: str) -> str:
    return f"toInt64(toUnixTimestamp({column}))"


def _by_place(sink: Sink, sql: str) -> dict[Place, Counts]:
    columns: list[list[Any]] = [column.to_pylist() for column in sink.query(sql).columns]
    return {(int(begin), str(node)): tuple(map(int, counts)) for begin, node, *counts in zip(*columns, strict=True)}
