"""The command line: what it offers, what it says when it is used wrongly, and what it loads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import SettingError, Unavailable
from tests.support.processes import ROOT, run_weir, weir_environment
from weir import cli
from weir.failures import report
from weir.settings.catalogue import Settings
from weir.settings.sources import variable


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Status, stdout and stderr of a command line in this process."""
    status = cli.run(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def one_sentence(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith((".\n", "?\n"))


def test_the_contracts_commands_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "--help")
    named = re.findall(r"^  ([a-z-]+)  ", out.partition("Commands:")[2], re.MULTILINE)
    assert status == 0
    wanted = (
        "demo agent worker watcher topics migrate recompute query console explain path paths health cost forecast segments findings "
        "detector tail record replay ip-events dead-letter doctor config"
    )
    assert named == wanted.split()


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself_and_takes_the_common_options(capsys: pytest.CaptureFixture[str], name: str) -> None:
    status, out, err = run(capsys, name, "--help")
    assert (status, err) == (0, "")
    assert all(option in out for option in ("--help", "--log-level", "--config FILE"))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("demo", "--duration --data-dir --traffic --no-traffic --cgroup"),
        ("agent", "--remove-on-exit --remove"),
        ("topics", "--check"),
        ("migrate", "--check"),
        ("query", "--format SQL table json csv -q --filter --by --metrics --order --limit --from --to --view"),
        ("explain", "REMOTE_IP --local-ip --port --at --format table json"),
        ("tail", "--format table json --from-beginning --count -q --filter"),
        ("record", "FILE --from-beginning --duration --count"),
        ("replay", "FILE --speed"),
        ("ip-events", "FILE"),
        ("dead-letter", "list show replay"),
    ],
)
def test_every_option_of_the_contract_is_there(capsys: pytest.CaptureFixture[str], name: str, options: str) -> None:
    _, out, _ = run(capsys, name, "--help")
    assert [option for option in options.split() if option not in out] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("quer",), "weir has no command 'quer': did you mean 'query'?"),
        (("nonsense-of-all-kinds",), "weir has no command 'nonsense-of-all-kinds': see `weir --help`."),
        (("query", "--formt", "json"), "--formt"),
        (("query", "--format", "xml"), "'xml' is not one of 'table', 'json', 'csv': see `weir query --help`."),
        (("replay",), "Missing argument 'FILE': see `weir replay --help`."),
        (("replay", "f", "--speed", "-1"), "-1"),
        (("demo", "--duration", "0"), "0"),
        (("config", "--log-level", "loud"), "'loud' is not one of"),
        (("config", "--config", "/absent.toml"), "--config /absent.toml cannot be read"),
        (("worker",), "WEIR_KAFKA_BOOTSTRAP is empty, and only `weir demo` brings its own Kafka: set it to host:port of a broker."),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert said in err and one_sentence(err)


@pytest.mark.parametrize("name", ["agent", "worker", "watcher", "topics", "tail", "record", "replay", "ip-events"])
def test_what_needs_kafka_says_so(capsys: pytest.CaptureFixture[str], name: str) -> None:
    status, _, err = run(capsys, name, *(["-"] if name in ("record", "replay", "ip-events") else []))
    assert status == 2 and "WEIR_KAFKA_BOOTSTRAP is empty" in err and one_sentence(err)


@pytest.mark.parametrize("name", ["query", "migrate"])
def test_what_needs_tables_says_so(capsys: pytest.CaptureFixture[str], name: str) -> None:
    status, _, err = run(capsys, name, *(["SELECT 1"] if name == "query" else []))
    assert status == 2 and "WEIR_CLICKHOUSE_URL is empty and no demo has left its tables" in err and one_sentence(err)


def test_no_arguments_show_the_help_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys)
    assert (status, out) == (2, "") and "Commands:" in err


def test_errors_at_run_time_are_status_1_and_settings_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(Unavailable("Kafka is\naway.")) == 1
    assert report(SettingError("WEIR_X is wrong.")) == 2
    assert report(ZeroDivisionError("division by zero")) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["Kafka is away.", "WEIR_X is wrong."]
    assert lines[2].startswith("Unexpected ZeroDivisionError (division by zero): run it again with --log-level debug")


def test_a_traceback_only_for_debug() -> None:
    quiet = run_weir("config", "--config", "/absent.toml", status=2)
    loud = run_weir("config", "--config", "/absent.toml", "--log-level", "debug", status=2)
    assert "Traceback" not in quiet.stderr and quiet.stderr.count("\n") == 1
    assert "Traceback" in loud.stderr and loud.stderr.endswith(quiet.stderr)


def test_config_shows_values_origins_and_no_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "weir.toml"
    file.write_text("region = 'eu'\nkafka_security_protocol = 'sasl_ssl'\n")
    monkeypatch.setenv("WEIR_CLICKHOUSE_URL", "clickhouse://me:hunter2@host/weir")
    monkeypatch.setenv("WEIR_KAFKA_SASL_USERNAME", "me")
    monkeypatch.setenv("WEIR_KAFKA_SASL_PASSWORD", "hunter3")
    for form in ("table", "json"):
        status, out, _ = run(capsys, "config", "--config", str(file), "--format", form)
        assert status == 0 and "hunter" not in out
    told = {row["setting"]: row for row in map(json.loads, out.splitlines())}
    assert told.keys() == {variable(field) for field in Settings.model_fields}
    assert told["WEIR_REGION"] | {"meaning": ""} == {"setting": "WEIR_REGION", "value": "eu", "from": f"file {file}", "meaning": ""}
    assert told["WEIR_CLICKHOUSE_URL"]["value"] == "clickhouse://me:********@host/weir"
    assert told["WEIR_KAFKA_SASL_PASSWORD"]["from"] == "environment"


HEAVY = ("pyarrow", "polars", "chdb", "faust", "aiokafka", "clickhouse_driver", "pydantic", "rich", "confluent_kafka", "fastavro", "numpy")


def loaded_by(statement: str) -> set[str]:
    """Which heavy modules a fresh interpreter has after the statement."""
    code = f"{statement}\nimport sys\nsys.stdout.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], env=weir_environment(), cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_command_line_loads_nothing_heavy_before_a_command_runs() -> None:
    assert loaded_by("import weir.cli\n[weir.cli.weir.get_command(None, name) for name in weir.cli.COMMANDS]") == set()


def test_the_resident_agent_is_free_of_the_command_line() -> None:
    statement = "import weir.agent_process, producers.agent"
    assert loaded_by(statement) <= {"numpy", "confluent_kafka", "fastavro"}
    assert loaded_by(f"{statement}, sys\nassert 'click' not in sys.modules") <= {"numpy", "confluent_kafka", "fastavro"}


def test_a_reader_who_leaves_is_no_failure(tmp_path: Path) -> None:
    command = f"{Path(sys.executable).parent / 'weir'} config --format json | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=weir_environment(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["setting"] == "WEIR_KAFKA_BOOTSTRAP"
