"""`weir query -q`: the console's sums, on the command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import closing

import pytest

from schemas.instants import format_instant
from sinks.open import open_sink
from tests.support.shop import START_S, fill
from weir import cli

Ask = Callable[..., tuple[str, str]]

SPAN = ("--from", format_instant(START_S * 1_000_000), "--to", str(START_S + 120))
TOTAL = (
    "SELECT sum(bytes_sent + bytes_received) AS bytes, sum(connections_failed) AS failed FROM weir.flows"
    " WHERE canonical AND 'checkout' IN (local_workload, remote_workload)"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"chdb://{tmp_path_factory.mktemp('query') / 'data'}"
    with closing(open_sink(url)) as sink:
        sink.migrate()
        fill(sink)
    return url


@pytest.fixture
def ask(shop: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """`weir query ARGUMENTS` in this process."""
    monkeypatch.setenv("WEIR_CLICKHOUSE_URL", shop)

    def query(*arguments: str, status: int = 0) -> tuple[str, str]:
        assert cli.run(("query", *arguments)) == status
        captured = capsys.readouterr()
        return captured.out, captured.err

    return query


def test_a_table_has_the_largest_all_others_and_the_whole(ask: Ask) -> None:
    whole = json.loads(ask(TOTAL, "--format", "json")[0])
    asked = ("-q", "workload=checkout", "--by", "client,server", "--metrics", "bytes,failed", "--limit", "1", *SPAN)
    shown, said = ask(*asked)
    names, _, *rows = (line.split() for line in shown.splitlines())
    assert names == ["client", "server", "bytes", "connections_failed"]
    assert rows == [
        ["checkout", "postgres", "720000", "0"],
        ["(2", "others)", "720000", "18"],
        ["(total)", str(whole["bytes"]), str(whole["failed"])],
    ]
    assert "2026-01-01T09:00:00Z to 2026-01-01T09:02:00Z, complete until 2026-01-01T09:01:00Z, from flows_1m." in said
    assert said.endswith(" 2 more groups are not shown: use --limit.\n")


def test_json_and_csv_hold_the_groups_alone(ask: Ask) -> None:
    asked = ("-q", "failed>0", "--by", "server,port", "--metrics", "failed", "--order", "failed", *SPAN)
    wanted = [("payments", 8443, 18), ("archive", 9001, 12)]
    lines = [json.loads(line) for line in ask(*asked, "--format", "json")[0].splitlines()]
    assert [(line["server"], line["service_port"], line["connections_failed"]) for line in lines] == wanted
    cells = [*csv.reader(io.StringIO(ask(*asked, "--format", "csv")[0]))]
    assert cells[1:] == [[str(value) for value in row] for row in wanted]


def test_the_term_that_leaves_nothing_is_named(ask: Ask) -> None:
    _, said = ask("-q", "client=chekout server=payments", *SPAN)
    assert said.endswith(" Nothing is left by client=chekout.\n")
    _, said = ask("-q", "", "--from", "0", "--to", "60")
    assert said.endswith(" Nothing is there.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("SELECT 1", "-q", "client=a"), "SQL and -q or its options are two ways to ask: leave one out"),
        (("-q", "client=a clinet=b"), "The filter is wrong at character 10: clinet is no field: did you mean client"),
        (("-q", "client=a or bytes>1"), "put them side by side, or ask twice."),
        (("--by", "cleint"), "by=cleint is not known: did you mean client?"),
        (("--order", "rtt_us_p95"), "order=rtt_us_p95 is not known: did you mean"),
        (("--from", "yesterday"), "from=yesterday is no instant: write 2026-01-31T14:32:00Z, UNIX seconds, or now-6h."),
        (("--to", "now-1h"), "from=now-15m is not before to=now-1h: the span would be empty."),
    ],
)
def test_what_is_wrong_on_the_command_line_is_one_sentence_and_status_2(ask: Ask, arguments: tuple[str, ...], said: str) -> None:
    shown, told = ask(*arguments, status=2)
    assert said in told and told.count("\n") == 1 and shown == ""
