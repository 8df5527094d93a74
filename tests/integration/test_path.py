"""Eight causes at once, in real namespaces under real agents: what is said of each path."""

from __future__ import annotations

import pytest

from tests.simulator.answers.path import CAUSES, FORBIDDEN, Said, Stage
from weir.lab import Lab


@pytest.fixture(scope="module")
def said(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> list[Said]:
    with Lab("path") as lab:
        return list(Stage(lab, kafka, tmp_path_factory.mktemp("path"), clients=1, seed=15).rounds(1))


def test_every_cause_has_its_verdict(said: list[Said]) -> None:
    assert {one.cause for one in said} == set(CAUSES)
    assert [one for one in said if one.found != one.wanted] == []


def test_neither_success_nor_silence_is_told_while_the_agent_is_down(said: list[Said]) -> None:
    down = [one.found for one in said if one.cause == "killed"]
    assert down and not set(down) & set(FORBIDDEN)
