"""`weir query` and `weir migrate` on a data directory, free and held."""

from __future__ import annotations

import csv
import io
import json
import shlex
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from sinks import carry_over, migrate
from sinks.open import open_sink
from tests.sinks.engine_of import engine_of
from tests.support.processes import WEIR, run_weir, weir_environment
from weir.settings.paths import remember_data_dir

ROW = (
    "SELECT toUInt64(18446744073709551615) AS wide, toDateTime('2026-01-01 09:10:00', 'UTC') AS at, toIPv6('::ffff:10.0.0.1') AS ip,"
    " true AS yes, toDateTime64('2026-01-01 09:10:00.000007', 6, 'UTC') AS exact, 'a\"b' AS name, toIPv6('fd77::1') AS six"
)
WANTED = {
    "wide": 18446744073709551615,
    "at": "2026-01-01T09:10:00Z",
    "ip": "::ffff:10.0.0.1",
    "yes": True,
    "exact": "2026-01-01T09:10:00.000007Z",
    "name": 'a"b',
    "six": "fd77::1",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with empty tables."""
    directory = tmp_path_factory.mktemp("query") / "data"
    run_weir("migrate", settings={"clickhouse_url": f"chdb://{directory}"})
    return directory


def test_json_is_one_object_a_line(data: Path) -> None:
    done = run_weir("query", ROW, "--format", "json", settings={"clickhouse_url": f"chdb://{data}"})
    assert [json.loads(line) for line in done.stdout.splitlines()] == [WANTED]


def test_csv_and_table_hold_the_same(data: Path) -> None:
    settings = {"clickhouse_url": f"chdb://{data}"}
    table = run_weir("query", ROW, settings=settings).stdout
    ((*names,), (*values,)) = csv.reader(io.StringIO(run_weir("query", ROW, "--format", "csv", settings=settings).stdout))
    assert dict(zip(names, values, strict=True)) == {**WANTED, "wide": "18446744073709551615", "yes": "true"}
    assert all(value in table for value in values) and "\x1b" not in table


def test_the_last_demos_directory_is_the_default(data: Path) -> None:
    remember_data_dir(data)
    assert json.loads(run_weir("query", "SELECT count() AS n FROM weir.flows", "--format", "json").stdout) == {"n": 0}


def test_a_held_directory_answers_too(data: Path) -> None:
    settings = {"clickhouse_url": f"chdb://{data}"}
    holder = open_sink(f"chdb://{data}")
    try:
        done = run_weir("query", ROW, "--format", "json", settings=settings)
        check = run_weir("migrate", "--check", settings=settings)
    finally:
        holder.close()
    assert json.loads(done.stdout) == WANTED
    assert check.stdout == "The tables are up to date.\n"


def test_sql_comes_from_stdin_too(data: Path) -> None:
    environment = weir_environment({"clickhouse_url": f"chdb://{data}"})
    for arguments in (["-"], []):
        command = [WEIR, "query", *arguments, "--format", "json"]
        done = subprocess.run(command, input="SELECT 23 AS n;\n", env=environment, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == {"n": 23}


def test_without_sql_tables_and_examples_are_shown_and_the_examples_work(data: Path) -> None:
    shown = run_weir("query").stdout
    assert all(name in shown for name in ("flows", "flows_1m", "losses", "ownership"))
    examples = [shlex.split(line) for line in shown.splitlines() if "weir query" in line]
    assert len(examples) == 5
    for example in examples:
        run_weir(*example[1:], settings={"clickhouse_url": f"chdb://{data}"})


def test_a_long_table_ends_and_says_so(data: Path) -> None:
    settings = {"clickhouse_url": f"chdb://{data}"}
    table = run_weir("query", "SELECT number FROM numbers(10023)", settings=settings)
    assert len(table.stdout.splitlines()) == 10_002 and "23 more rows are not shown" in table.stderr
    whole = run_weir("query", "SELECT number FROM numbers(10023)", "--format", "csv", settings=settings)
    assert len(whole.stdout.splitlines()) == 10_024


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT nothing FROM weir.flows", "DROP TABLE weir.flows"])
def test_sql_that_cannot_be_run_is_one_sentence_and_status_1(data: Path, sql: str) -> None:
    done = run_weir("query", sql, settings={"clickhouse_url": f"chdb://{data}"}, status=1)
    assert done.stdout == "" and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


def test_migrate_is_idempotent_and_check_only_reports(tmp_path: Path) -> None:
    settings = {"clickhouse_url": f"chdb://{tmp_path}/new"}
    run_weir("migrate", "--check", settings=settings, status=1)
    assert not (tmp_path / "new").exists()
    assert ": applied" in run_weir("migrate", settings=settings).stdout
    for arguments in ((), ("--check",)):
        assert run_weir("migrate", *arguments, settings=settings).stdout == "The tables are up to date.\n"


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_a_full_or_closed_stdout_is_one_sentence(data: Path, form: str) -> None:
    command = f"{WEIR} query 'SELECT number FROM numbers(20000)' --format {form}"  # noqa: S608
    full = shell(data, f"{command} > /dev/full")
    assert full.returncode == 1 and full.stderr.startswith("standard output cannot be written to (No space left on device)")
    closed = shell(data, f"{command} >&-")
    assert closed.returncode == 1 and closed.stderr.startswith("standard output is closed")
    assert full.stderr.splitlines()[1:] == closed.stderr.splitlines()[1:] == []


def test_a_reader_that_has_gone_is_no_failure(data: Path) -> None:
    done = shell(data, f"{WEIR} query 'SELECT number FROM numbers(200000)' --format csv | head -n 1; exit ${{PIPESTATUS[0]}}")  # noqa: S608
    assert (done.returncode, done.stdout, done.stderr) == (0, "number\n", "")


@pytest.mark.parametrize("command", ["config", "config --format json", "query"])
def test_other_commands_know_a_full_stdout_too(data: Path, command: str) -> None:
    done = shell(data, f"{WEIR} {command} > /dev/full")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left on device" in done.stderr


def test_a_url_of_its_own_is_asked(data: Path, tmp_path: Path) -> None:
    settings = {"clickhouse_url": f"chdb://{tmp_path}/absent", "clickhouse_read_url": f"chdb://{data}"}
    assert json.loads(run_weir("query", "SELECT count() AS n FROM flows", "--format", "json", settings=settings).stdout) == {"n": 0}


def shell(data: Path, command: str) -> subprocess.CompletedProcess[str]:
    environment = weir_environment({"clickhouse_url": f"chdb://{data}"})
    return subprocess.run(["/bin/bash", "-c", command], env=environment, capture_output=True, text=True, check=False)


def test_what_is_left_to_carry_over_is_told(tmp_path: Path) -> None:
    url = f"chdb://{tmp_path / 'data'}"
    with closing(open_sink(url)) as sink:
        migrate.migrate(engine_of(sink), tuple(step for step in migrate.known() if step.name < carry_over.NAME))
        rows = "(window_start, canonical, flows) VALUES (1767258000, true, 3), (1767344400, true, 4)"
        engine_of(sink).execute(f"INSERT INTO weir.flows_5m {rows}")
    settings = {"clickhouse_url": url}
    checked = run_weir("migrate", "--check", settings=settings, status=1)
    assert "edges_of_before: not applied" in checked.stdout and "lack 6 rows of before" in checked.stdout
    done = run_weir("migrate", settings=settings)
    assert "edges_of_before: applied" in done.stdout and "carried 6 of 6 rows" in done.stderr
    assert run_weir("migrate", "--check", settings=settings).stdout == "The tables are up to date.\n"
