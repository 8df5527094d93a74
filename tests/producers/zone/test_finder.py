"""The zone is asked for again until it is told, and nobody waits for it."""

from __future__ import annotations

import logging
import threading

import pytest

from producers.zone import finder
from producers.zone.clouds import CLOUDS
from producers.zone.finder import ZoneFinder
from tests.producers.zone.fake_metadata import Answer, Asked, azure, fake_metadata, gcp
from tests.support.processes import PATIENCE, wait_for


def test_a_zone_that_is_told_later_is_taken(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(finder, "FIRST_PAUSE", 0.01)
    tries = iter((Answer(503), Answer(200, "<garbage>"), Answer(404)))
    with fake_metadata(lambda asked: next(tries, None) or gcp(asked)) as server, caplog.at_level(logging.INFO):
        found = ZoneFinder(CLOUDS["gcp"], server.address)
        assert found.zone == ""
        found.start()
        wait_for(lambda: found.zone == "us-central1-a", 10, "the zone")
        found.join(10 * PATIENCE)
    assert not found.is_alive() and len(server.asked) == 4
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "Google Cloud does not tell the zone (status '503" in caplog.text and "in zone us-central1-a" in caplog.text


def test_after_a_while_it_is_asked_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def wait(pause: float) -> bool:
        pauses.append(pause)
        return len(pauses) == 20

    now = [0.0]
    monkeypatch.setattr(finder, "time", type("FakeTime", (), {"monotonic": staticmethod(lambda: now[0] + sum(pauses))}))
    with fake_metadata(lambda asked: Answer(500)) as server:
        found = ZoneFinder(CLOUDS["aws"], server.address)
        monkeypatch.setattr(found._over, "wait", wait)
        found.run()
    assert pauses[:6] == [1, 2, 4, 8, 16, 32] and pauses[-1] == 3_600
    assert 600 <= sum(pause for pause in pauses if pause < 3_600) < 700


def test_an_answer_without_a_zone_is_an_answer() -> None:
    with fake_metadata(lambda asked: azure(asked, zone="")) as server:
        found = ZoneFinder(CLOUDS["azure"], server.address)
        found.run()
    assert (found.zone, len(server.asked)) == ("", 1)


def test_it_ends_while_it_waits() -> None:
    refused = threading.Event()

    def says(asked: Asked) -> Answer:
        refused.set()
        return Answer(403)

    with fake_metadata(says) as server:
        found = ZoneFinder(CLOUDS["aws"], server.address)
        found.start()
        assert refused.wait(10 * PATIENCE)
        found.close()
        found.join(10 * PATIENCE)
        assert not found.is_alive()
