"""`weir forecast` over eight weeks of hours in real tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sinks.open import open_engine, open_sink
from weir import cli
from weir.api.answers.forecast import ANSWER, ForecastData, ForecastParameters
from weir.api.questions import Document
from weir.api.tables import Tables

Ask = Callable[..., tuple[str, str]]

END_S = 1_772_000_000 // 3_600 * 3_600
HOURS = 56 * 24
END = ("--to", str(END_S + 100))
"""Edges: bytes of an hour, over `number`, the hours since the first."""
EDGES = {
    ("web", "api"): "1000000 * (2 + sin(number * pi() / 12)) * exp(0.03 * number / 168) * (1 + 0.05 * sin(number * number))",
    ("api", "db"): "300000 * (2 + cos(number * pi() / 12)) * (1 + 0.1 * (cityHash64(number, 4) % 1000 / 500 - 1))",
    ("new", "db"): f"if(number < {HOURS - 5 * 24}, 0, 1000)",
}


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"chdb://{tmp_path_factory.mktemp('forecast') / 'data'}"
    with closing(open_sink(url)) as sink:
        sink.migrate()
    with closing(open_engine(url)) as engine:
        for (client, server), size in EDGES.items():
            engine.execute(
                "INSERT INTO weir.edges_1h (window_start, network, client, server, protocol, service_port, bytes_sent, packets_sent)"  # noqa: S608
                f" SELECT toDateTime({END_S - HOURS * 3_600} + 3600 * number, 'UTC'), 'default', '{client}', '{server}', 'tcp', 443,"
                f" toUInt64({size}), 1 FROM numbers({HOURS}) WHERE {size} > 0 AND number != 700"
            )
        engine.execute(
            "INSERT INTO weir.batches (node_id, epoch, window_start, window_seconds, batch_index, batch_count) "  # noqa: S608
            f"SELECT 'n1', 1, toDateTime({END_S - 3_600} + 10 * number, 'UTC'), 10, 0, 1 FROM numbers(360)"
        )
    return url


@pytest.fixture
def ask(weeks: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """`weir forecast ARGUMENTS` in this process."""
    monkeypatch.setenv("WEIR_CLICKHOUSE_URL", weeks)

    def forecast(*arguments: str, status: int = 0) -> tuple[str, str]:
        assert cli.run(("forecast", *arguments)) == status
        captured = capsys.readouterr()
        return captured.out, captured.err

    return forecast


def test_groups_go_on_and_what_is_new_is_refused(ask: Ask) -> None:
    shown, said = ask(*END, "--groups", "2")
    names, _, *rows = shown.splitlines()
    assert names.split() == [*"client server last next highest_hour at_most_95 trend_per_week model mase note".split()]
    web = rows[0].split()
    assert web[:2] == ["web", "api"]
    assert int(web[3]) == pytest.approx(int(web[2]) * 1.03, rel=0.04)
    assert web[6].startswith("+")
    assert rows[2].strip().startswith("(all others)")
    assert rows[2].endswith("There are 5.0 days of history: 14 are needed.")
    assert "complete, from edges_1h. 1 hours of it are not known" in said


def test_json_has_the_hours_of_each_group(ask: Ask) -> None:
    lines = [json.loads(line) for line in ask(*END, "--from", str(END_S - 7_200), "--horizon", "2d", "--format", "json")[0].splitlines()]
    assert [line["client"] for line in lines] == ["web", "api", "new"]
    web = lines[0]
    assert len(web["history"]["value"]) == 2
    assert {name: len(web["forecast"][name]) for name in ("value", "low80", "high95")} == {"value": 48, "low80": 48, "high95": 48}
    each = zip(*(web["forecast"][name] for name in ("low95", "low80", "value", "high80", "high95")), strict=True)
    assert all(list(one) == sorted(one) for one in each)
    assert (lines[2]["forecast"], lines[2]["model"]) == (None, None)


def test_the_api_tells_the_same(ask: Ask, weeks: str) -> None:
    line = json.loads(ask(*END, "--groups", "1", "--limit", "65MB/day", "--format", "json")[0].splitlines()[0])
    given = {"from": str(END_S - 7_200), "to": END[1], "limit": 1, "limit_value": "65MB", "quantity": "day"}
    with closing(open_engine(weeks, read_only=True)) as engine:
        answer = ANSWER.answer(Tables(engine), None, ForecastParameters.model_validate(given))
        without_start = ANSWER.answer(Tables(engine), None, ForecastParameters.model_validate({**given, "from": "", "horizon": "1h"}))
    assert isinstance(answer, Document) and isinstance(without_start, Document)
    assert without_start.data["series"]["kind"].count("history") == 2 * 14 * 24
    series, groups = answer.data["series"], answer.data["groups"]
    ForecastData.model_validate(answer.data)
    assert groups["client"] == ["web", None] and groups["other"] == [False, True] and groups["refused"] == [None, None]
    assert (groups["days50"][0], groups["mase"][0], groups["model"][0]) == (line["days50"], line["mase"], line["model"])
    assert series["kind"] == (["history"] * 2 + ["forecast"] * 168) * 2
    assert series["client"] == ["web"] * 170 + [None] * 170
    assert series["value"][2:170] == line["forecast"]["value"] and series["high95"][2:170] == line["forecast"]["high95"]
    assert series["low80"][:2] == [None, None] and series["time"][1] < series["time"][2] == line["forecast"]["from"]


def test_a_limit_has_its_days(ask: Ask) -> None:
    line = json.loads(ask(*END, "-q", "client=web", "--limit", "65MB/day", "--format", "json")[0])
    assert 0 < line["days10"] <= line["days50"] <= line["days90"] < 40
    shown, _ = ask(*END, "-q", "client=api", "--limit", "65MB/day")
    assert "There is no trend" in shown


def test_a_file_of_limits_is_answered_limit_by_limit(ask: Ask, tmp_path: Path) -> None:
    written = tmp_path / "limits.toml"
    written.write_text(
        '[[limit]]\nname = "all"\nlimit = "1PB/day"\n[[limit]]\nname = "api"\nlimit = "1kbit/s"\nstatistic = "max"\nfilter = "client=api"\n'
    )
    all_of_it, api = [json.loads(line) for line in ask(*END, "--limits", str(written), "--format", "json")[0].splitlines()]
    assert (all_of_it["name"], all_of_it["days50"], all_of_it["refused"]) == ("all", None, None)
    assert (api["metric"], api["amount"], api["days10"], api["days90"]) == ("bytes", 450_000, 0, 0)
    rows = ask(*END, "--limits", str(written))[0].splitlines()[2:]
    assert rows[0].split()[:2] == ["all", "1PB/day"] and rows[0].split()[3:] == [">90", ">90", ">90"]


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("--metric", "rtt"), 2, "metric=rtt_us is not known"),
        (("--horizon", "100d"), 2, "horizon=100d is not from an hour to 90 days: write 36h, 7d or 2w."),
        (("--limit", "much"), 2, "limit=much is no limit: write 1TB/day"),
        (("--by", "colour"), 2, "by=colour is not known"),
        (("--limits", "/nowhere.toml"), 2, "The file of limits /nowhere.toml cannot be read (No such file or directory)"),
        (("--limits", "/nowhere.toml", "--limit", "1TB/day"), 2, "leave one out"),
    ],
)
def test_what_cannot_be_asked_is_said(ask: Ask, arguments: tuple[str, ...], status: int, sentence: str) -> None:
    assert sentence in ask(*arguments, status=status)[1]


def test_an_empty_answer_is_one(ask: Ask) -> None:
    shown, said = ask(*END, "-q", "client=nobody")
    assert len(shown.splitlines()) == 2
    assert "complete, from edges_1h." in said
