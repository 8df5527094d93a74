"""The README names every command, every setting, every make target, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from producers.identity.name_rules import first_match, load_names
from tests.support.processes import ROOT
from weir.cli import COMMANDS
from weir.settings.catalogue import Settings

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_row(command: str) -> None:
    assert re.search(rf"^\|.*`weir {command}\b.*\|$", README, re.MULTILINE)


def test_every_setting_has_a_row_and_no_other_is_named() -> None:
    named = set(re.findall(r"`(WEIR_[A-Z_]+)`", README))
    assert named == {f"WEIR_{field.upper()}" for field in Settings.model_fields}


def test_numbers_in_the_table_are_the_defaults() -> None:
    for variables, defaults in re.findall(r"^\| (`WEIR_[^|]+) \| ([\d, ]+) \|", README, re.MULTILINE):
        fields = [name.strip("` ").removeprefix("WEIR_").lower() for name in variables.split(",")]
        assert [str(Settings.model_fields[name].default) for name in fields] == defaults.split(", "), variables


def test_paths_exist() -> None:
    paths = {path for path in re.findall(r"`([a-z]+/[\w./*-]*)`", README) if not path.startswith("host")}
    assert [path for path in sorted(paths) if not list(ROOT.glob(path.rstrip("/")))] == []


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)\b(?=[ `]*(?:ARGS|#|`))", README)) <= targets


def test_the_names_file_shown_is_accepted(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "names.toml").write_text(shown)
    rules = load_names(tmp_path / "names.toml")
    assert first_match(rules, "/system.slice/checkout-7.scope") == "checkout"
