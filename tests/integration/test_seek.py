"""Where the group's consumer reads again after a rebalance, on a real Kafka: from what is committed, or from the beginning."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from confluent_kafka import Producer
from faust.types import TP, StreamT

from schemas.topics import FLOWS_TOPIC
from streams.intake.app import build_app
from tests.support.processes import PATIENCE, run_weir
from weir.commands.worker import settings_for_worker
from weir.settings.sources import load_settings

PLACE = TP(FLOWS_TOPIC, 3)
MESSAGES = 4
NOTHING, PENDING, HALF = None, (0, (0, 1)), (2, None)


@pytest.mark.parametrize(
    ("decided", "again"), [(NOTHING, [0, 1, 2, 3]), (PENDING, [0, 1, 2, 3]), (HALF, [2, 3])], ids=["nothing", "pending", "half"]
)
def test_what_was_taken_and_not_committed_comes_again(
    clean_kafka: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    decided: tuple[int, tuple[int, int] | None] | None,
    again: list[int],
) -> None:
    """A rebalance may throw away what was fetched, so Faust seeks at its end: no matter how little of the partition was committed."""
    settings = {"WEIR_KAFKA_BOOTSTRAP": clean_kafka, "WEIR_STATE_DIR": str(tmp_path), "WEIR_CLICKHOUSE_URL": f"chdb:///{tmp_path}/none"}
    run_weir("topics", settings={"kafka_bootstrap": clean_kafka})
    producer = Producer({"bootstrap.servers": clean_kafka})
    for number in range(MESSAGES):
        producer.produce(PLACE.topic, str(number).encode(), partition=PLACE.partition)
    assert producer.flush(30) == 0, "Kafka did not take what was sent"
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    offsets = asyncio.run(_read_twice(decided, len(again)))
    assert offsets == ([0, 1, 2, 3], again)


async def _read_twice(decided: tuple[int, tuple[int, int] | None] | None, left: int) -> tuple[list[int], list[int]]:
    """Offsets that came before and after the seek."""
    app = build_app(settings_for_worker(load_settings().settings))
    taken: asyncio.Queue[int] = asyncio.Queue()

    async def take(stream: StreamT[bytes]) -> None:
        async for event in stream.events():
            await taken.put(event.message.offset)

    async def next_offsets(count: int) -> list[int]:
        async with asyncio.timeout(30 * PATIENCE):
            return [await taken.get() for _ in range(count)]

    app.agent(app.topic(PLACE.topic, key_type=bytes, value_type=bytes))(take)
    await app.start()
    try:
        first = await next_offsets(MESSAGES)
        if decided is not None:
            assert await app.consumer_thread.commit_decision(PLACE, *decided)
        await app.consumer.perform_seek()
        return first, await next_offsets(left)
    finally:
        await app.stop()
