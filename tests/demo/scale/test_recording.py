"""The recording in tables: sums that agree, and the day's events where the account says. Short spans of the day alone are written."""

from __future__ import annotations

import json
import signal
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sinks.clickhouse import ClickHouseSink
from sinks.engines.base import Engine
from sinks.open import open_engine
from sinks.queries.spans import Span
from sinks.queries.status import ask_oldest
from tests.support.processes import PATIENCE, Child
from weir.demo.address import free_address, url_of
from weir.demo.scale import story as told
from weir.demo.scale.beside import write_beside, write_windows
from weir.demo.scale.calls import all_calls
from weir.demo.scale.detecting import Detecting
from weir.demo.scale.flows import flows_statement
from weir.demo.scale.story import GRID_S, Story
from weir.demo.scale.views import write_views
from weir.detector.security_watch import SecurityWatch
from weir.settings.listening import Address

STORY = Story(1_767_276_000 + 130)
AROUND = (STORY.deploy_s, STORY.scan.start_s, STORY.outage.start_s, STORY.outage.end_s, STORY.silence_s)
"""The five minutes before each of these and the five after are written."""
SHORT = """
from weir.demo.scale import recording, run
recording.WINDOW_S = run.WINDOW_S = 1
recording.steps = lambda story: ((story.end_s - 60, story.end_s, 10, True),)
from weir.cli import main
main()
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with closing(open_engine(f"chdb://{tmp_path_factory.mktemp('recorded') / 'tables'}")) as engine:
        ClickHouseSink(engine).migrate()
        calls = all_calls(STORY)
        write_views(engine, calls, STORY)
        write_beside(engine, STORY, calls)
        for at_s in sorted({start_s for event_s in AROUND for start_s in (event_s - GRID_S, event_s)}):
            engine.execute(flows_statement(at_s, at_s + GRID_S, GRID_S, True))
            write_windows(engine, STORY, at_s, at_s + GRID_S, GRID_S)
        yield engine


def _rows(engine: Engine, sql: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = engine.query(sql).to_pylist()
    return rows


def _at(seconds: int) -> str:
    return f"window_start = toDateTime({seconds}, 'UTC')"


def test_the_scan_is_found_and_nothing_else_beside_it(recorded: Engine) -> None:
    start_s = STORY.scan.start_s
    seen = SecurityWatch().look(recorded.ask, Span(start_s, start_s + GRID_S), ask_oldest(recorded.ask), {}).seen
    assert [(one.key.kind, one.key.subject, one.count) for one in seen] == [
        ("scan", told.SCANNER, told.SCANNED_SERVERS * len(told.SCANNED_PORTS)),
    ]


def test_edges_have_what_the_flows_have(recorded: Engine) -> None:
    sums = "sum(bytes_sent + bytes_received) AS bytes, sum(connections_opened) AS opened, sum(connections_failed) AS failed"
    (flows,) = _rows(recorded, f"SELECT {sums}, sum(arraySum(rtt_histogram)) AS samples FROM weir.flows WHERE canonical")  # noqa: S608
    assert flows["bytes"] > 1e9 and flows["opened"] > 1_000 and flows["samples"] > 1_000
    for table in ("edges_5m", "edges_1h", "edges_1d"):
        (edges,) = _rows(recorded, f"SELECT {sums}, sum(arraySum(rtt_histogram)) AS samples FROM weir.{table}")  # noqa: S608
        assert edges == flows


def test_both_ends_of_a_call_count_alike(recorded: Engine) -> None:
    (row,) = _rows(
        recorded,
        "SELECT count() AS calls, countIf(opened[1] = opened[2] AND sent = received) AS alike FROM ("
        "SELECT groupArray(connections_opened) AS opened, sumIf(bytes_sent, role = 'client') AS sent, "
        "sumIf(bytes_received, role = 'server') AS received "
        "FROM weir.flows WHERE remote_workload != '' GROUP BY window_start, protocol, service_port, least(local_ip, remote_ip), "
        "greatest(local_ip, remote_ip), if(role = 'server', remote_ip, local_ip) HAVING count() = 2 AND sum(connections_failed) = 0)",
    )
    assert row["calls"] == row["alike"] > 2_000


def test_a_call_that_only_one_end_tells_of_counts_once(recorded: Engine) -> None:
    (row,) = _rows(recorded, f"SELECT countIf(node_id = '{told.SILENT}') AS told, "  # noqa: S608
                             f"countIf(remote_node_id = '{told.SILENT}' AND role = 'server' AND canonical) AS for_it "
                             f"FROM weir.flows WHERE {_at(STORY.silence_s)}")  # fmt: skip
    assert row["told"] == 0 and row["for_it"] > 0
    (row,) = _rows(recorded, f"SELECT count() AS told FROM weir.flows WHERE node_id = '{told.SILENT}' AND {_at(STORY.silence_s - GRID_S)}")  # noqa: S608
    assert row["told"] > 0
    twice = ("SELECT window_start, service_port, protocol, if(role = 'server', remote_ip, local_ip) AS client, "
             "if(role = 'server', local_ip, remote_ip) AS server FROM weir.flows WHERE canonical "
             "GROUP BY ALL HAVING count() > 1")  # fmt: skip
    assert _rows(recorded, twice) == []


def test_the_deployed_version_calls_what_the_old_one_did_not(recorded: Engine) -> None:
    for at_s, server, port in (
        (STORY.deploy_s - GRID_S, told.OLD_SERVER, told.OLD_PORT),
        (STORY.deploy_s, told.NEW_SERVER, told.NEW_PORT),
    ):
        rows = _rows(recorded, f"SELECT DISTINCT server, service_port FROM weir.edges_5m WHERE client = '{told.DEPLOYED}' AND {_at(at_s)}"  # noqa: S608
                               f" AND server IN ('{told.OLD_SERVER}', '{told.NEW_SERVER}')")  # fmt: skip
        assert rows == [{"server": server, "service_port": port}]
    versions = _rows(recorded, f"SELECT labels['version'] AS version FROM weir.workloads WHERE name = '{told.DEPLOYED}' ORDER BY start")  # noqa: S608
    assert [row["version"] for row in versions] == [told.OLD_VERSION, told.NEW_VERSION]


def test_the_database_refuses_from_the_first_minute_of_the_outage_to_its_last(recorded: Engine) -> None:
    def asked(at_s: int) -> dict[str, Any]:
        (row,) = _rows(recorded, "SELECT sum(connections_opened) AS opened, sum(connections_refused) AS refused FROM weir.edges_5m "  # noqa: S608
                                 f"WHERE server = '{told.BROKEN}' AND service_port = {told.BROKEN_PORT} AND {_at(at_s)}")  # fmt: skip
        return row

    for during in (STORY.outage.start_s, STORY.outage.end_s - GRID_S):
        assert asked(during)["opened"] == 0 and asked(during)["refused"] > 100
    for outside in (STORY.outage.start_s - GRID_S, STORY.outage.end_s):
        assert asked(outside)["opened"] > 10 and asked(outside)["refused"] < 10


def test_the_scan_is_seen_on_hundreds_of_ports(recorded: Engine) -> None:
    (row,) = _rows(recorded, "SELECT uniqExact(server, service_port) AS tried, uniqExact(server) AS servers, "  # noqa: S608
                             "sum(connections_opened) AS opened, sum(connections_timed_out) AS unanswered FROM weir.edges_5m "
                             f"WHERE client = '{told.SCANNER}' AND connections_failed > 0 AND {_at(STORY.scan.start_s)}")  # fmt: skip
    assert row["tried"] == told.SCANNED_SERVERS * len(told.SCANNED_PORTS)
    assert row["servers"] == told.SCANNED_SERVERS and row["opened"] == 0 and row["unanswered"] > 0


def test_every_page_has_something_to_show(recorded: Engine) -> None:
    for table in ("workloads", "services", "nodes", "ownership", "losses", "batches"):
        assert _rows(recorded, f"SELECT count() AS rows FROM weir.{table}")[0]["rows"] > 5, table  # noqa: S608
    moved = _rows(recorded, "SELECT ip FROM weir.ownership GROUP BY ip HAVING uniqExact(workload) = 2")
    assert len(moved) == 50
    sources = {row["remote_source"] for row in _rows(recorded, "SELECT DISTINCT remote_source FROM weir.flows")}
    assert sources == {"heartbeat", "service", "none"}


def test_the_command_shows_it_in_the_console_and_lets_it_go_on(tmp_path: Path) -> None:
    address = free_address(Address("127.0.0.1", 18_470))
    command = [sys.executable, "-c", SHORT, "demo", "--scale", "--data-dir", tmp_path / "scale", "--console", address.text]
    with Child(command, name="weir demo --scale", env={"XDG_STATE_HOME": str(tmp_path / "state")}) as demo:
        demo.line("^It goes on", 60)
        first = _newest(address)
        assert demo.until(lambda: _newest(address) > first, 40, "a window more")
        demo.process.send_signal(signal.SIGINT)
        demo.wait(30)
    assert f"The console: {url_of(address)}\n" in demo.stdout and told.BROKEN in demo.stdout
    assert demo.stderr == ""


def _newest(address: Address) -> str:
    with urllib.request.urlopen(f"{url_of(address)}/api/v1/status", timeout=20 * PATIENCE) as answer:  # noqa: S310 a loopback address
        newest: str = json.load(answer)["data"]["newest"]
    return newest


def test_the_detector_of_the_demo_finds_the_scan(recorded: Engine) -> None:
    detecting = Detecting(recorded, STORY)
    looked = [detecting.look(Span(at_s, at_s + GRID_S)) for at_s in (STORY.scan.start_s - GRID_S, STORY.scan.start_s)]
    assert [(entry.change.change, entry.change.finding.key.subject) for entry in looked[1] if entry.change.finding.key.kind == "scan"] == [
        ("opened", told.SCANNER)
    ]
    assert _rows(recorded, "SELECT subject FROM weir.findings FINAL WHERE kind = 'scan' AND state = 'open'") == [{"subject": told.SCANNER}]
