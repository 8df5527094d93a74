"""A region that is away: nothing waits for it, and nothing is forgotten."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from streams.forwarding.links import Forwarding
from streams.forwarding.outbox import Outbox
from streams.kafka import Kafka
from tests.streams.forwarding.test_outbox import HOME, block, message, windows
from tests.support.processes import PATIENCE

NOWHERE = "127.0.0.1:9"


def open_outbox(directory: Path) -> Outbox:
    return Outbox(directory / "outbox.db", 1 << 20, HOME)


def test_what_a_region_that_is_away_does_not_take_stays(tmp_path: Path) -> None:
    forwarding = Forwarding(open_outbox(tmp_path), dict.fromkeys(("us", "ap", HOME), Kafka(NOWHERE)))
    forwarding.start()
    began = time.monotonic()
    for number in range(20):
        forwarding.keep(block(number), [message(number)])
        forwarding.confirm(block(number), [message(number)])
    assert time.monotonic() - began < 30 * PATIENCE  # a busy disk takes its time; waiting for a region would take minutes
    forwarding.keep(block(20), [])
    closing = time.monotonic()
    forwarding.close()
    assert time.monotonic() - closing < 30 * PATIENCE
    assert forwarding.failed is None
    outbox = open_outbox(tmp_path)
    assert windows(outbox) == [*range(20)]
    outbox.close()


def test_a_region_that_is_no_longer_named_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    outbox = open_outbox(tmp_path)
    outbox.add(block(0), [message(0)])
    with caplog.at_level(logging.WARNING):
        forwarding = Forwarding(outbox, {HOME: Kafka(NOWHERE)})
    assert "messages for region us stay in the outbox: WEIR_REGION_KAFKA" in caplog.text
    forwarding.start()
    forwarding.close()


def test_an_outbox_that_cannot_be_used_ends_the_worker(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    forwarding = Forwarding(outbox, {"us": Kafka(NOWHERE)})
    outbox.close()
    forwarding.start()
    forwarding.close()
    assert "closed database" in str(forwarding.failed)
