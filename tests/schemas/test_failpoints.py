"""Failpoints are inert in weir itself, and every one of the list stands in its code once."""

from __future__ import annotations

import re
from pathlib import Path

from schemas import failpoints
from tests.support.processes import ROOT

PACKAGES = ("bpf", "producers", "schemas", "sinks", "streams", "weir")
MARK = re.compile(r'"((?:restore|block|insert|loss|outbox|link|window|segment|recompute|learner|findings|notice)\.\w+)"')


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.name != "failpoints.py"]


def test_every_point_stands_in_the_code_once() -> None:
    found = [name for path in sources() if "reach" in (text := path.read_text()) for name in MARK.findall(text)]
    of_workers = (*failpoints.WORKER_POINTS, *failpoints.LOSS_POINTS, *failpoints.FORWARD_POINTS)
    assert sorted(found) == sorted((*of_workers, *failpoints.AGENT_POINTS, *failpoints.RECOMPUTE_POINTS, *failpoints.DETECTOR_POINTS))


def test_nothing_of_weir_arms_them() -> None:
    assert [path for path in sources() if re.search(r"failpoints\.arm|import .*\barm\b", path.read_text())] == []


def test_a_point_that_nobody_armed_does_nothing() -> None:
    reached: list[str] = []
    failpoints.reach("block.cut", lambda: reached.append("settled"))
    failpoints.arm(reached.append)
    try:
        failpoints.reach("block.decided", lambda: reached.append("settled"))
    finally:
        failpoints.arm(None)
    failpoints.reach("block.built")
    assert reached == ["settled", "block.decided"]
