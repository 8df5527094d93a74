"""CPU time by part: what every thread has used is in one part or another, and in no two."""

from __future__ import annotations

import threading
import time

from prometheus_client import CollectorRegistry, generate_latest

from streams.observe.cpu_threads import OTHER, ThreadTimes, cpu_by_part
from tests.support.processes import PATIENCE, wait_for


def _burn(seconds: float) -> None:
    begun = time.thread_time()
    while time.thread_time() - begun < seconds:
        pass


def test_a_named_thread_has_its_own_part_and_all_parts_are_the_process() -> None:
    over, burnt = threading.Event(), threading.Event()

    def work() -> None:
        _burn(0.2)
        burnt.set()
        over.wait()

    thread = threading.Thread(target=work, name="learner", daemon=True)
    before = cpu_by_part()
    thread.start()
    assert burnt.wait(30 * PATIENCE)
    try:
        found = wait_for(lambda: one if (one := cpu_by_part()).get("learner", 0.0) >= 0.15 else None, 5, "the kernel to have counted")
        assert found["learner"] - before.get("learner", 0.0) < 0.5
        assert found["loop"] > 0
        used = time.process_time()
        parts = cpu_by_part()
        ticks = len(parts) + threading.active_count()  # what the kernel has rounded
        assert used - ticks / 100 <= sum(parts.values()) <= time.process_time() + ticks / 100
    finally:
        over.set()
        thread.join(30 * PATIENCE)


def test_the_metric_has_a_sample_for_each_part() -> None:
    registry = CollectorRegistry()
    registry.register(ThreadTimes())
    text = generate_latest(registry).decode()
    assert f'weir_thread_cpu_seconds_total{{part="{OTHER}"}}' in text
    assert 'weir_thread_cpu_seconds_total{part="loop"}' in text
