"""Pages and code name the same things: commands, settings, metrics, tables, columns, topics, recordings, paths, make targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from producers.identity.name_rules import first_match, load_names
from schemas.recording.read import Refusal, read_recording
from schemas.topics import TOPICS, forward_name
from sinks.open import open_sink
from streams.observe import metrics
from streams.observe.cpu_threads import ThreadTimes
from tests.support.processes import ROOT
from weir.cli import COMMANDS
from weir.detector import metrics as detector_metrics
from weir.settings.catalogue import SECRETS, Settings
from weir.settings.secret_files import FILE

README, FORMATS, OPERATING = ((ROOT / name).read_text() for name in ("README.md", "docs/formats.md", "docs/operating.md"))
PAGES = (README, (ROOT / "CONTRIBUTING.md").read_text(), *(page.read_text() for page in sorted((ROOT / "docs").glob("*.md"))))
OWN_TABLES = ("flows_1m_feed", "flows_5m_feed", "flows_1h_feed")
"""Materialized views: their columns are those of the tables they feed."""


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_row(command: str) -> None:
    assert re.search(rf"^\|.*`weir {command}\b.*\|$", README, re.MULTILINE)


def test_every_setting_has_a_row_and_no_other_is_named() -> None:
    fields = {f"WEIR_{field.upper()}" for field in (*Settings.model_fields, *(secret + FILE for secret in SECRETS))}
    rows = set(re.findall(r"`(WEIR_[A-Z_]+)`", "".join(re.findall(r"^\| `WEIR_[^|]+", OPERATING, re.MULTILINE))))
    assert rows == fields
    assert {name for page in PAGES for name in re.findall(r"`(WEIR_[A-Z_]+)`", page)} - fields == set()


def test_numbers_in_the_table_are_the_defaults() -> None:
    for variables, defaults in re.findall(r"^\| (`WEIR_[^|]+) \| ([\d, ]+) \|", OPERATING, re.MULTILINE):
        fields = [name.strip("` ").removeprefix("WEIR_").lower() for name in variables.split(",")]
        assert [str(Settings.model_fields[name].default) for name in fields] == defaults.split(", "), variables


def test_every_metric_has_a_row_and_no_other_is_named() -> None:
    exported = {family.name for family in REGISTRY.collect() if family.name.startswith("weir_")}
    exported |= {family.name for family in ThreadTimes().collect()}
    exported |= {name.removesuffix("_total") for name in agent_metrics() if name.startswith("weir_")}
    exported |= set(re.findall(r'"(weir_watcher_[a-z_]+)"', (ROOT / "producers" / "watcher" / "metrics.py").read_text()))
    named = {name.removesuffix("_total") for name in re.findall(r"`(weir_[a-z_]+)`", FORMATS)}
    assert metrics.FLOWS and detector_metrics.STEPS and named == exported


def agent_metrics() -> set[str]:
    """By the source: an agent has to run to say them."""
    return set(re.findall(r'"((?:weir_agent|process)_[a-z_]+)"', (ROOT / "producers" / "observe" / "metrics.py").read_text()))


def test_every_table_and_column_is_described(tmp_path: Path) -> None:
    sink = open_sink(f"chdb://{tmp_path / 'tables'}")
    try:
        sink.migrate()
        rows = sink.query("SELECT table, name FROM system.columns WHERE database = 'weir'").to_pylist()
    finally:
        sink.close()
    assert {"flows", "losses", "ownership"} <= {row["table"] for row in rows}
    words = set(re.findall(r"`([a-z_0-9]+)`", FORMATS))
    assert {row["table"] for row in rows} - words == set()
    assert {f"{row['table']}.{row['name']}" for row in rows if row["name"] not in words} == set()


def test_every_topic_has_a_row() -> None:
    for name in (*(topic.name for topic in TOPICS), forward_name("<region>")):
        assert re.search(rf"^\| `{re.escape(name)}` \|", FORMATS, re.MULTILINE), name


def test_the_recording_shown_is_accepted() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", FORMATS, re.DOTALL)
    refused: list[Refusal] = []
    assert list(read_recording(shown.splitlines(), refused.append)) and not refused


def test_paths_exist() -> None:
    paths = {path for page in PAGES for path in re.findall(r"`([a-z]+/[\w./*-]*)`", page)}
    known = {path for path in paths if (ROOT / path.split("/")[0]).is_dir()}
    assert len(known) > 50
    assert [path for path in sorted(known) if not list(ROOT.glob(path.rstrip("/")))] == []


def test_linked_pictures_exist() -> None:
    assert [path for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README) if not (ROOT / path).is_file()] == []


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", page, re.MULTILINE)) <= targets


def test_the_names_file_shown_is_accepted(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", OPERATING, re.DOTALL)
    (tmp_path / "names.toml").write_text(shown)
    rules = load_names(tmp_path / "names.toml")
    assert first_match(rules, "/system.slice/checkout-7.scope") == "checkout"
