"""What a worker costs, end to end on Apache Kafka with the ClickHouse engine inside it: `make bench`."""

from __future__ import annotations

import argparse
import tempfile
from importlib.metadata import version
from pathlib import Path

import orjson

from tests.bench.last import Last
from tests.bench.machine import machine
from tests.bench.say import say
from tests.bench.worker import latency, memory, report, scaling, tables
from tests.bench.worker.fleet import ADDRESSES_EACH, NODES, SERVICES
from tests.bench.worker.throughput import Size, measure

SIZES = (Size(2_000, 125, 6), Size(200, 125, 1), Size(20, 25, 1))

LOAD = (
    f"{NODES * ADDRESSES_EACH:,} addresses of {SERVICES:,} services, one in a hundred of those at work changes hands each window; a tenth "
    "of the flows goes to addresses that nobody speaks for; 5 % of messages come twice; exactly-once, every rollup, weir.attributed; "
    "offsets committed. A delivery is a flow in a message, repeats included."
)


def main() -> None:
    given = _arguments()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("chdb", "pyarrow", "aiokafka", "faust-streaming", "confluent-kafka"))
    say("# Worker", "", machine(), f"{libraries}.", "")
    say(LOAD, "")
    if given.latency:
        _latency(given.latency)
        return
    sizes = tuple(size for size in SIZES if not given.sizes or size.batch_flows in given.sizes)
    settings = dict(pair.split("=", 1) for pair in given.set)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), sizes, given.rounds, **settings)
    say("", *report.rates(found), "", *report.stages(found), "")
    say(*(report.circumstances(found, size) for size in sizes))
    say(f"Every one of {found.sent_flows:,} flows is in `flows` once, with its bytes; the three rollups hold the same sums.")
    by_reference = report.by_reference(found.runs)
    say(Last.read(given.output).beside(by_reference))
    runs = [run.plain() for run in found.runs]
    written: dict[str, object] = {"machine": machine(), "libraries": libraries, "by_reference": by_reference, "runs": runs}
    if not given.sizes:
        written |= _rest()
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_bytes(orjson.dumps(written, option=orjson.OPT_INDENT_2))


def _rest() -> dict[str, object]:
    """What is measured beside the throughput; as it is written."""
    held, day, inserted = memory.measure(), tables.day_query(), tables.inserts((20_000, 100_000))
    with tempfile.TemporaryDirectory() as folder:
        scaled = scaling.measure(Path(folder))
    say("", *report.memory_lines(held), "", *report.table_lines(inserted, day), "", *report.scaling_lines(scaled))
    return {"memory": held, "day_query": day, "inserts": inserted, "scaling": scaled}


def _latency(windows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = latency.measure(Path(folder), windows)
    say(
        f"Window end to visible row, {found.windows} windows: median {found.total[0]:.2f} s, 99th percentile {found.total[1]:.2f} s. "
        f"Behind the hold (every node has spoken for the next window): {found.rest[0]:.2f} s and {found.rest[1]:.2f} s."
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each size that count, after a warm-up")
    sizes = [size.batch_flows for size in SIZES]
    parser.add_argument("--sizes", type=int, nargs="*", default=[], choices=sizes, help="flows a message; absent: all")
    parser.add_argument(
        "--latency", type=int, default=0, metavar="WINDOWS", help="measure that instead, over so many windows of ten seconds"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the worker, such as block_flows=50000"
    )
    parser.add_argument("--output", type=Path, default=Path(".cache/bench-worker.json"), help="the figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
