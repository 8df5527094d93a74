"""A worker of one region is killed at every step of a flow's way to the other: each flow lands there once."""

from __future__ import annotations

import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from schemas.failpoints import FORWARD_POINTS
from tests.integration.test_regions import Region, Story
from tests.support.processes import Child, run_weir


def armed_worker(region: Region, point: str, notes: Path) -> Child:
    arming = ["-m", "tests.faults.armed", point, "1", "SIGKILL", str(notes), "weir.cli", "worker"]
    return Child([sys.executable, *arming], region.pipeline.settings, name=f"weir worker, SIGKILL at {point}")


def test_killed_at_every_step_of_the_way_to_another_region(tmp_path: Path) -> None:
    story, notes = Story(tmp_path), tmp_path / "notes"
    eu, us = story.regions["eu"], story.regions["us"]
    flows, share = story.made.flows["eu"], len(story.made.flows["eu"]) // len(FORWARD_POINTS) + 1
    with ExitStack() as stack:
        for region in story.regions.values():
            stack.enter_context(region.kafka)
            run_weir("topics", settings=region.pipeline.settings)
        us.start_worker()
        stack.callback(lambda: us.running.__exit__(None, None, None))
        us.replay("us.jsonl", [*story.made.others["us"], *story.made.flows["us"]])
        eu.replay("others.jsonl", story.made.others["eu"])
        for number, point in enumerate(FORWARD_POINTS):
            with armed_worker(eu, point, notes) as worker:
                eu.replay(f"{number}.jsonl", flows[number * share : (number + 1) * share])
                worker.wait(60, status=-signal.SIGKILL)
        eu.start_worker()
        stack.callback(lambda: eu.running.__exit__(None, None, None))
        for name, region in story.regions.items():
            region.wait_for_worker()
            region.wait_for_rows(len(story.made.rows[name]))
        story.assert_holds()
    assert notes.read_text().split() == list(FORWARD_POINTS)
