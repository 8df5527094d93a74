"""`weir path` and `weir paths`: what they refuse, and a status that nothing but an answer makes a verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import Unavailable
from weir import cli
from weir.checks import checked
from weir.output.stdout import ReaderGone
from weir.query_options import BadParameter

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """A command line in this process."""

    def command(*arguments: str | Path, status: int) -> str:
        assert cli.run(tuple(map(str, arguments))) == status
        return capsys.readouterr().err

    return command


def test_what_is_wrong_is_told_in_a_sentence(run: Run) -> None:
    assert "no length of time" in run("path", "web", "pay", "--since", "soon", status=2)
    assert "leave one out" in run("path", "web", "pay", "--to", "now", "--at", "now", status=2)
    assert "protocol=tpc is not known" in run("path", "web", "pay", "--protocol", "tpc", status=2)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (("[[must]]", 'client = "web"', 'serwer = "pay"'), "serwer is not known: did you mean server?"),
        (("[[mast]]", 'client = "web"'), "mast is not known: did you mean must?"),
        (("[[must]]", 'client = "web"'), "has no server"),
        (("[[must]]", 'client = "web"', 'server = "pay"', "within = 15"), "within=15 is no text"),
        (("[[must]]", 'client = "web"', 'server = "pay"', 'within = "15"'), "within=15 is no length of time"),
        (("must = 3",), "must is no list of tables"),
        (("[[must]",), "is no TOML"),
        ((), "has no rule"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(run: Run, tmp_path: Path, lines: tuple[str, ...], sentence: str) -> None:
    file = tmp_path / "paths.toml"
    file.write_text("\n".join(lines))
    said = run("paths", file, status=2)
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
