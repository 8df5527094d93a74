"""`weir path` and `weir paths` on the command line: what they print, and the status that a script acts on."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from schemas.errors import Unavailable
from schemas.instants import format_instant
from sinks.open import open_engine, open_sink
from tests.weir.answers.path_tables import START_S, WINDOW_S, Row, flow, holds, windows
from weir import cli
from weir.checks import checked
from weir.output.stdout import ReaderGone
from weir.query_options import BadParameter

WINDOWS = 60
AT = format_instant((START_S + WINDOW_S * WINDOWS) * 1_000_000)
Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"chdb://{tmp_path_factory.mktemp('path') / 'data'}"
    with closing(open_sink(url)) as sink:
        sink.migrate()
    with closing(open_engine(url)) as engine:
        windows(engine, "n1", range(-20, WINDOWS))
        holds(engine, "n1", "web", -20, WINDOWS, "10.0.0.1")
        flow(engine, *(Row(n, opened=1) for n in range(WINDOWS)), *(Row(n, failed=1, port=81) for n in range(WINDOWS)))
    return url


@pytest.fixture
def run(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command line in this process."""
    monkeypatch.setenv("WEIR_CLICKHOUSE_URL", url)

    def command(*arguments: str | Path, status: int = 0) -> tuple[str, str]:
        assert cli.run(tuple(map(str, (*arguments, "--at", AT)))) == status
        captured = capsys.readouterr()
        return captured.out, captured.err

    return command


def test_a_verdict_is_a_word_a_sentence_and_a_status(run: Run) -> None:
    shown, said = run("path", "web", "pay:8443", "--since", "10m")
    assert shown.splitlines()[0] == "works" and "60 of 60 attempts succeeded" in shown
    assert said == "2026-01-01T09:00:00Z to 2026-01-01T09:10:00Z, from flows.\n"
    assert run("path", "web", "pay:81", "--since", "10m", status=1)[0].startswith("failing\n")
    found = json.loads(run("path", "web", "pay:99", "--since", "10m", "--format", "json", status=3)[0])
    assert (found["verdict"], found["ok"], found["opened"], found["evidence"]["node"]) == ("no_attempts", None, 0, [])


def test_what_is_wrong_is_told_in_a_sentence(run: Run) -> None:
    assert "did you mean web?" in run("path", "wep", "pay", status=2)[1]
    assert "no length of time" in run("path", "web", "pay", "--since", "soon", status=2)[1]
    assert "leave one out" in run("path", "web", "pay", "--to", "now", status=2)[1]
    assert "protocol=tpc is not known" in run("path", "web", "pay", "--protocol", "tpc", status=2)[1]


def rules(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


def test_a_list_of_paths_has_one_status(run: Run, tmp_path: Path) -> None:
    works = ("[[must]]", 'client = "web"', 'server = "pay:8443"', 'within = "10m"')
    blocked = ("[[must_not]]", 'client = "web"', 'server = "pay:81"', 'within = "10m"')
    silent = ("[[must]]", 'client = "web"', 'server = "pay:99"', 'within = "10m"')
    unseen = ("[[must]]", 'client = "new"', 'server = "pay:99"')
    broken = ("[[must_not]]", *works[1:])
    file = tmp_path / "paths.toml"
    shown, said = run("paths", rules(file, *works, *blocked))
    assert shown.count("holds") == 2 and said == "2 holds, 0 violated, 0 unknown, from flows.\n"
    assert "no_attempts" in run("paths", rules(file, *works, *silent), status=3)[0]
    assert "was not seen" in run("paths", rules(file, *works, *unseen), status=3)[0]
    lines = run("paths", rules(file, *silent, *broken), "--format", "json", status=1)[0].splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["unknown", "violated"]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (("[[must]]", 'client = "web"', 'serwer = "pay"'), "serwer is not known: did you mean server?"),
        (("[[mast]]", 'client = "web"'), "mast is not known: did you mean must?"),
        (("[[must]]", 'client = "web"'), "has no server"),
        (("[[must]]", 'client = "web"', 'server = "pay"', "within = 15"), "within=15 is no text"),
        (("[[must]]", 'client = "web"', 'server = "pay"', 'within = "15"'), "within=15 is no length of time"),
        (("must = 3",), "must is no list of tables"),
        (("[[must]",), "cannot be read as TOML"),
        ((), "has no rule"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(run: Run, tmp_path: Path, lines: tuple[str, ...], sentence: str) -> None:
    said = run("paths", rules(tmp_path / "paths.toml", *lines), status=2)[1]
    assert sentence in said and said.count("\n") == 1


def raising(error: BaseException) -> Callable[..., bool]:
    def fails(*_: object) -> bool:
        raise error

    return fails


@pytest.mark.parametrize(
    ("error", "status"), [(Unavailable("away."), 3), (KeyboardInterrupt(), 3), (RuntimeError("odd"), 3), (BadParameter("q", "wrong."), 2)]
)
def test_a_check_that_does_not_end_neither_holds_nor_fails(error: BaseException, status: int) -> None:
    assert checked(raising(error), lambda _: None, lambda found: found) == status


def test_a_reader_who_has_gone_changes_no_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weir.checks.discard", lambda: None)
    assert checked(lambda: False, raising(ReaderGone()), lambda found: found) == 1  # type: ignore[arg-type]
