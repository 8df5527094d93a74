"""A path's answer over real tables, and on the command line: what may be said of silence, and of whom."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path as File

import pytest

from sinks.engines.base import Engine
from sinks.filter.parse import parse
from sinks.open import open_engine, open_sink
from sinks.queries.spans import Span
from sinks.queries.status import TABLES
from tests.weir.answers.path_tables import START_S, WINDOW_S, Row, flow, holds, loss, windows
from weir import cli
from weir.answers.path import Path, PathQuestion, path
from weir.answers.path_ends import read_ends
from weir.query_options import BadParameter

Run = Callable[..., tuple[str, str]]
WINDOWS = 60
"""Ten minutes."""
OLDEST = {name: START_S for name in TABLES}
HELD = (
    ("n1", "web", -20, 60, 1), ("n2", "pay", -20, 60, 2), ("n3", "lone", -20, 30, 3), ("n4", "lossy", -20, 60, 4),
    ("n5", "partly", -20, 60, 5), ("n1", "late", 15, 60, 6), ("n2", "before", -20, -19, 7), ("n2", "gone", -10, 20, 7),
)  # fmt: skip
"""Node, workload, from which window until which, and the end of its address."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"chdb://{tmp_path_factory.mktemp('path') / 'data'}"


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Engine]:
    sink = open_sink(url)
    sink.migrate()
    sink.close()
    found = open_engine(url)
    _fill(found)
    yield found
    found.close()


def _fill(engine: Engine) -> None:
    """web is on n1, pay on n2; lone's n3 dies in window 30, lossy's n4 loses something in window 20, parts of n5's windows do not come."""
    everything = range(-20, WINDOWS)
    for node in ("n1", "n2", "n4"):
        windows(engine, node, everything)
    windows(engine, "n3", range(-20, 30))
    windows(engine, "n5", range(-20, 20))
    windows(engine, "n5", range(20, 22), batches=2)
    windows(engine, "n5", range(22, WINDOWS))
    loss(engine, "n4", 20)
    for node, workload, first, until, ip in HELD:
        holds(engine, node, workload, first, until, f"10.0.0.{ip}")
    flow(
        engine,
        *(Row(n, opened=3) for n in range(0, 60)),
        *(Row(n, opened=3, role="server", node="n2") for n in range(0, 60)),
        *(Row(n, opened=3, port=81) for n in range(0, 30)),
        *(Row(n, failed=2, refused=2, received=2, port=81) for n in range(30, 60)),
        *(Row(n, failed=1, sent=2, received=0, port=82) for n in range(10, 20)),
        *(Row(n, opened=3, client="lone", node="n3") for n in range(0, 30)),
        *(Row(n, opened=3, client="lossy", node="n4", port=83) for n in range(0, 10)),
        *(Row(n, opened=1, server="", reason="ambiguous", port=84) for n in range(10, 12)),
        *(Row(n, server_ip="10.9.9.9", server="red" if n < 30 else "blue", opened=2, port=85) for n in range(0, 60)),
        *(Row(n, server="", reason="external", domain="cards.example", opened=1, port=443) for n in range(0, 60)),
        *(Row(n, protocol="udp", port=53) for n in range(0, 9)),
        *(Row(n, protocol="udp", port=514, received=0) for n in range(0, 9)),
        *(Row(n, server="gone", server_ip="10.0.0.7", opened=1, port=88) for n in range(0, 20)),
        *(Row(n, server="", reason="gap", server_ip="10.0.0.7", failed=1, refused=1, port=88) for n in range(21, 40)),
        *(Row(n, server="", reason="gap", server_ip="10.0.0.7", opened=1, port=89) for n in range(21, 40)),
        *(Row(n, client="hostnet", node="n3", opened=1) for n in range(0, 30)),
        Row(59, sent=2, received=0, retransmits=1, port=86),
        *(Row(n, port=87) for n in range(0, 60)),
    )


def asked(engine: Engine, client: str, server: str, first: int = 0, until: int = WINDOWS, protocol: str = "tcp", q: str = "") -> Path:
    span = Span(START_S + WINDOW_S * first, START_S + WINDOW_S * until)
    return path(engine.ask, OLDEST, PathQuestion(read_ends(client, server, protocol), span, parse(q)))


@pytest.mark.parametrize(
    ("client", "server", "word"),
    [
        ("web", "pay:8443", "works"),
        ("web", "10.0.1.1:8443", "works"),
        ("web", "10.0.0.0/8", "flaky"),
        ("web", "pay:81", "broke"),
        ("web", "pay:82", "failing"),
        ("web", "pay:86", "pending"),
        ("web", "pay:87", "established"),
        ("web", "pay:99", "no_attempts"),
        ("web", "cards.example:443", "works"),
        ("web", "red:85", "works"),
        ("lone", "pay:8443", "unknown"),
        ("lone", "pay:99", "unknown"),
        ("lossy", "pay:83", "unknown"),
        ("lossy", "pay:99", "unknown"),
        ("partly", "pay:99", "unknown"),
        ("late", "pay:99", "unknown"),
        ("web", "pay:84", "unknown"),
        ("hostnet", "pay:8443", "unknown"),
    ],
)
def test_a_path_has_the_word_that_fits(engine: Engine, client: str, server: str, word: str) -> None:
    found = asked(engine, client, server)
    assert found.verdict.word == word, (found.sentence, found.reasons)


def test_datagrams_work_where_answers_came(engine: Engine) -> None:
    assert asked(engine, "web", "pay:53", protocol="udp").verdict.word == "works"
    assert asked(engine, "web", "pay:514", protocol="udp").verdict.word == "unknown"
    assert asked(engine, "web", "pay:515", protocol="udp").verdict.word == "no_attempts"


def test_silence_counts_where_the_clients_nodes_told_of_all_of_it(engine: Engine) -> None:
    assert asked(engine, "late", "pay:99", 15).verdict.word == "no_attempts"
    assert asked(engine, "lossy", "pay:99", 21).verdict.word == "no_attempts"
    assert asked(engine, "partly", "pay:99", 22).verdict.word == "no_attempts"
    assert asked(engine, "lone", "pay:99", 0, 29).verdict.word == "no_attempts"
    assert "Node n3 told of no window from 2026-01-01T09:05:00Z to 2026-01-01T09:10:00Z." in asked(engine, "lone", "pay:99").reasons


def test_a_change_lies_between_the_last_success_and_the_first_failure(engine: Engine) -> None:
    found = asked(engine, "web", "pay:81")
    assert "between 2026-01-01T09:04:58Z, the last success, and 2026-01-01T09:05:01Z, the first failure" in found.sentence
    assert any("saw nothing of web at a socket" in reason for reason in found.reasons)


def test_an_address_that_changed_hands_is_told_by_whom_it_was(engine: Engine) -> None:
    assert asked(engine, "web", "red:85", 31).verdict.word == "no_attempts"
    assert asked(engine, "web", "blue:85", 31).verdict.word == "works"
    assert any("red from" in reason and "blue from" in reason for reason in asked(engine, "web", "10.9.9.9:85").reasons)


def test_failures_at_an_address_that_nobody_has_are_its_last_owners(engine: Engine) -> None:
    assert asked(engine, "web", "gone:88").verdict.word == "broke"
    assert asked(engine, "web", "gone:88", 21, 40).verdict.word == "failing"
    assert asked(engine, "web", "gone:89").verdict.word == "unknown"  # a stranger may have answered
    assert asked(engine, "web", "before:88", 21, 40).verdict.word == "unknown"  # somebody else had it after that


def test_the_evidence_is_by_node_zone_and_role(engine: Engine) -> None:
    rows = asked(engine, "web", "pay:8443").evidence.to_pylist()
    assert [(row["node"], row["zone"], row["role"], row["opened"]) for row in rows] == [
        ("n1", "eu-1a", "client", 180),
        ("n2", "", "server", 180),
    ]


def test_a_name_that_was_never_seen_is_refused_with_the_nearest(engine: Engine) -> None:
    with pytest.raises(BadParameter, match=r"client=wep was not seen .* did you mean web\?"):
        asked(engine, "wep", "pay")
    with pytest.raises(BadParameter, match=r"server=pai was not seen .* did you mean pay\?"):
        asked(engine, "web", "pai:99")


def test_a_filter_that_hides_rows_makes_silence_unknown(engine: Engine) -> None:
    assert asked(engine, "web", "pay:99", q="client=web").verdict.word == "no_attempts"
    assert asked(engine, "web", "pay:99", q="zone=eu-1a").verdict.word == "unknown"
    assert asked(engine, "web", "pay:8443", q="port=81").verdict.word == "unknown"
    with pytest.raises(BadParameter, match="server=pay was not seen"):
        asked(engine, "web", "pay:99", q="server=red")


def test_no_node_is_named_within_a_filter(engine: Engine) -> None:
    said = asked(engine, "lone", "pay:99", q="client=lone").reasons
    assert any("a node that had lone told of no window" in reason.lower() for reason in said) and not any("n3" in reason for reason in said)


@pytest.fixture
def run(engine: Engine, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command line in this process, while somebody holds the tables."""
    monkeypatch.setenv("WEIR_CLICKHOUSE_URL", url)

    def command(*arguments: str | File, status: int = 0) -> tuple[str, str]:
        assert cli.run((*map(str, arguments), "--at", str(START_S + WINDOW_S * WINDOWS))) == status
        captured = capsys.readouterr()
        return captured.out, captured.err

    return command


def test_a_verdict_is_a_word_a_sentence_and_a_status(run: Run) -> None:
    shown, said = run("path", "web", "pay:8443", "--since", "10m")
    assert shown.splitlines()[0] == "works" and "180 of 180 attempts succeeded" in shown
    assert said == "2026-01-01T09:00:00Z to 2026-01-01T09:10:00Z, from flows.\n"
    assert run("path", "web", "pay:82", "--since", "10m", status=1)[0].startswith("failing\n")
    found = json.loads(run("path", "web", "pay:99", "--since", "10m", "--format", "json", status=3)[0])
    assert (found["verdict"], found["ok"], found["opened"], found["evidence"]["node"]) == ("no_attempts", None, 0, [])
    assert found["until"] == "2026-01-01T09:10:00Z"
    assert "did you mean web?" in run("path", "wep", "pay", status=2)[1]


WORKS = ("[[must]]", 'client = "web"', 'server = "pay:8443"', 'within = "10m"')
BLOCKED = ("[[must_not]]", 'client = "web"', 'server = "pay:82"', 'within = "10m"')
SILENT = ("[[must]]", 'client = "web"', 'server = "pay:99"', 'within = "10m"')


@pytest.mark.parametrize(
    ("lines", "status", "said"),
    [
        ((*WORKS, *BLOCKED), 0, "2 holds, 0 violated, 0 unknown, from flows."),
        ((*WORKS, *SILENT), 3, "1 holds, 0 violated, 1 unknown, from flows."),
        (("[[must]]", 'client = "new"', 'server = "pay"'), 3, "0 holds, 0 violated, 1 unknown, from no table."),
        ((*SILENT, "[[must_not]]", *WORKS[1:]), 1, "0 holds, 1 violated, 1 unknown, from flows."),
    ],
)
def test_a_list_of_paths_has_one_status(run: Run, tmp_path: File, lines: tuple[str, ...], status: int, said: str) -> None:
    file = tmp_path / "paths.toml"
    file.write_text("\n".join(lines))
    shown, told = run("paths", file, status=status)
    assert told == f"{said}\n" and shown.count("must") == lines.count("[[must]]") + lines.count("[[must_not]]")
