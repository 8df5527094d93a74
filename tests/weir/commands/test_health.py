"""`weir health` on the command line: what it prints where, and what it refuses."""

from __future__ import annotations

import json

import pytest

from tests.support.edge_hours import END_S, Steady, filled
from weir import cli


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("health") / "data"
    with filled(directory, [Steady("shop/cart", "pay/api", failing=40, failing_s=END_S - 1_800)], {"n1": END_S}):
        return f"chdb://{directory}"


@pytest.fixture
def asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_CLICKHOUSE_URL", url)


SPAN = ("--from", str(END_S - 3_600), "--to", str(END_S))


@pytest.mark.usefixtures("asked")
def test_a_finding_is_a_sentence_or_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(("health", *SPAN)) == 0
    shown, said = capsys.readouterr()
    assert "240 of 840 connections from shop/cart to pay/api:443 failed: 28.6 %" in shown
    assert said == "2026-01-01T09:00:00Z to 2026-01-01T10:00:00Z, complete until 2026-01-01T10:00:00Z, from edges_5m, edges_1d, edges_1h.\n"
    assert cli.run(("health", *SPAN, "--format", "json")) == 0
    (line,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (line["rank"], line["signal"], line["client"], line["server"], line["service_port"]) == (
        1,
        "failure",
        "shop/cart",
        "pay/api",
        443,
    )
    assert (line["bad"], line["tried"], line["since"], line["until"]) == (240, 840, "2026-01-01T09:30:00Z", None)


@pytest.mark.usefixtures("asked")
def test_that_nothing_is_unusual_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(("health", *SPAN, "-q", "client=nobody")) == 0
    assert capsys.readouterr().err.endswith(" Nothing does worse than usual.\n")


def test_one_beginning_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(("health", "--since", "1h", "--from", "now-2h")) == 2
    assert "leave one out" in capsys.readouterr().err


@pytest.mark.usefixtures("asked")
def test_since_counts_from_the_end_that_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(("health", "--since", "1h", "--to", str(END_S))) == 0
    assert capsys.readouterr().err.startswith("2026-01-01T09:00:00Z to 2026-01-01T10:00:00Z, ")
