"""What it costs that every worker knows who holds which address, on Apache Kafka: `make bench-knowledge`."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import product
from pathlib import Path

import orjson

from tests.bench.knowledge import rebuild, report, steady
from tests.bench.knowledge.fleet import FleetShape
from tests.bench.knowledge.lookups import Verdict
from tests.bench.knowledge.steady import Plan
from tests.bench.last import Last
from tests.bench.machine import machine
from tests.bench.say import say

PARTITIONS = 8
DEFAULTS = (
    (FleetShape(100_000, 400), 2),
    (FleetShape(100_000, 400), 1),
    (FleetShape(100_000, 400, churn=0.01), 2),
    (FleetShape(10_000, 1_000), 2),
)
"""Shape and workers; all addresses of the first are rebuilt, too."""

HOW = (
    "Workers are processes of their own with a learner, a map and Kafka's clients: no Faust, no ClickHouse. A window is sent at once, and "
    "the next one after every worker has learned it. CPU is of the workers, all together where nothing else is said, user and system; not "
    "of the broker, the sender, and the threads that ask for the bench."
)


def main() -> None:
    given = _arguments()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("confluent-kafka", "fastavro"))
    say("# Knowledge", "", machine(), f"{libraries}.", "", HOW, "")
    runs = []
    for plan in _plans(given):
        say(_title(plan))
        with tempfile.TemporaryDirectory() as folder:
            runs.append(steady.measure(Path(folder), plan))
    rebuilt = []
    for shape in _rebuilt_shapes(given):
        say(f"Rebuild, {shape.addresses:,} addresses on {shape.nodes:,} nodes, each of which has changed hands once:")
        with tempfile.TemporaryDirectory() as folder:
            rebuilt.append(rebuild.measure(Path(folder), shape))
    _report(given.output, runs, rebuilt)


def _report(output: Path, runs: Sequence[steady.Steady], rebuilt: Sequence[rebuild.Rebuilt]) -> None:
    for table in (report.costs(runs), report.roles(runs), report.topic(runs)) if runs else ():
        say("", *table)
    if rebuilt:
        say("", *report.rebuilds(rebuilt))
    say("", *map(report.kinds, runs))
    if runs:
        say(report.verdict_line(sum((run.verdict for run in runs), Verdict())))
    figures = report.by_reference(runs, rebuilt)
    references = [*(run.reference for run in runs), *(run.reference for run in rebuilt)]
    say(f"Reference load: {', '.join(f'{seconds:.2f}' for seconds in references)} CPU s.", Last.read(output).beside(figures))
    written = {
        "machine": machine(),
        "by_reference": figures,
        "runs": [run.plain() for run in runs],
        "rebuilds": [run.plain() for run in rebuilt],
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(orjson.dumps(written, option=orjson.OPT_INDENT_2))


def _title(plan: Plan) -> str:
    shape = plan.shape
    fleet = f"{shape.addresses:,} addresses on {shape.nodes:,} nodes, {100 * shape.churn:g} % change hands in a window"
    return f"{fleet}; {plan.workers} workers, {plan.partitions} partitions, {shape.flows} flows a batch:"


def _plans(given: argparse.Namespace) -> Iterator[Plan]:
    if given.only_rebuild:
        return
    for shape, workers in _settings(given):
        partitions = given.partitions or max(PARTITIONS, workers)
        yield Plan(shape, workers, partitions, given.warm_up, given.windows, given.role_windows, given.spread)


def _rebuilt_shapes(given: argparse.Namespace) -> list[FleetShape]:
    if given.no_rebuild:
        return []
    settings = _settings(given) if _chosen(given) else DEFAULTS[:1]
    return list(dict.fromkeys(FleetShape(shape.addresses, shape.nodes) for shape, _ in settings))


def _settings(given: argparse.Namespace) -> list[tuple[FleetShape, int]]:
    """The short set, unless something was chosen: then all combinations of what was, in the order given."""
    if not _chosen(given):
        return [(FleetShape(shape.addresses, shape.nodes, shape.churn, given.flows), workers) for shape, workers in DEFAULTS]
    chosen = product(given.addresses or [100_000], given.nodes or [400], given.churn or [0.0], given.workers or [2])
    return [(FleetShape(addresses, nodes, churn, given.flows), workers) for addresses, nodes, churn, workers in chosen]


def _chosen(given: argparse.Namespace) -> bool:
    return any((given.addresses, given.nodes, given.churn, given.workers))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-knowledge", description=__doc__)
    some: dict[str, object] = {"nargs": "+", "default": [], "metavar": "N"}
    parser.add_argument("--addresses", type=_positive, **some, help="held in all; with more than one number all combinations run")  # type: ignore[arg-type]
    parser.add_argument("--nodes", type=_positive, **some, help="that hold them")  # type: ignore[arg-type]
    parser.add_argument("--churn", type=_share, **some, help="share of the addresses that changes hands in a window, 0 to 1")  # type: ignore[arg-type]
    parser.add_argument("--workers", type=_positive, **some, help="processes; more than cores: CPU counts, not time")  # type: ignore[arg-type]
    parser.add_argument("--windows", type=_positive, default=3, help="windows that are measured")
    parser.add_argument("--warm-up", type=_positive, default=2, help="windows before them; the first tells of every address")
    parser.add_argument("--role-windows", type=int, default=1, help="windows after them with one worker that tells, and others that hear")
    parser.add_argument("--spread", type=float, default=0.0, help="seconds over which a window's batches are sent; 0: at once")
    parser.add_argument("--flows", type=int, default=0, help="flows in each batch")
    parser.add_argument("--partitions", type=int, default=0, help="of weir.flows; 0: eight, or one for each worker")
    rebuilding = parser.add_mutually_exclusive_group()
    rebuilding.add_argument("--no-rebuild", action="store_true", help="leave out how a new worker reads everything")
    rebuilding.add_argument("--only-rebuild", action="store_true", help="measure nothing else")
    parser.add_argument("--output", type=Path, default=Path(".cache/bench-knowledge.json"), help="the figures as JSON")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text.replace(",", "").replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return share


if __name__ == "__main__":
    main()
