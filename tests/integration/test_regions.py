"""Two regions, each with a Kafka, tables and workers of its own: a flow that crosses is named where its remote end is known, once.

The tests stand in the order of one story: the link is there, the link is cut, the link is there again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from schemas.topics import FLOWS_TOPIC, forward_name
from sinks.base import Sink
from streams.columns.merged import merge_batches
from streams.forwarding.regions import Regions as RegionMap
from streams.forwarding.split import loss_report, split_by_region
from tests.integration.made_recording import Row
from tests.integration.pipeline_support import ASSIGNED, GROUP, Pipeline, assert_unchanged, rows, snapshot
from tests.integration.two_regions import CIDRS, NODES, SELECTED, TwoRegions, two_regions
from tests.sinks.oracle import assert_rollups_follow
from tests.streams.support import batch
from tests.support.kafka import KafkaServer
from tests.support.offsets import end_offsets, lag
from tests.support.processes import Child, run_weir, wait_for, weir
from weir.settings.regions import parse_region_cidrs

CONVERSATIONS = 1_500
OTHER = {"eu": "us", "us": "eu"}
SETTINGS: dict[str, object] = {"batch_flows": 60, "block_flows": 150, "hold_seconds": 25}
"""Long enough for the other region to speak in time on a busy machine; its last windows wait for it to be over."""
WAIT_SECONDS = 100


class Region:
    """One region: its broker, its tables, its worker."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.kafka = KafkaServer(directory / "broker")
        self.directory = directory
        self.worker: Child | None = None
        self.pipeline = Pipeline(self.kafka.bootstrap, f"chdb://{directory / 'data'}", directory)

    def meet(self, other: Region) -> None:
        cidrs = ",".join(f"{cidr}={name}" for name, cidr in CIDRS.items())
        place = {"region": self.name, "region_cidrs": cidrs, "region_kafka": f"{other.name}={other.kafka.bootstrap}"}
        self.pipeline = self.pipeline.having(**SETTINGS, **place)

    def start_worker(self) -> None:
        self.worker = weir("worker", settings=self.pipeline.settings)

    def wait_for_worker(self) -> None:
        self.running.line(ASSIGNED + rf".* of {forward_name(self.name)}", 60)

    def kill_worker(self) -> None:
        with self.running as worker:
            worker.kill()

    def replay(self, name: str, lines: list[bytes]) -> None:
        self.pipeline.replay(self.pipeline.write(name, lines))

    def wait_until_read(self, topic: str) -> None:
        bootstrap = self.kafka.bootstrap
        self.running.until(
            lambda: any(end_offsets(bootstrap, topic).values()) and not lag(bootstrap, GROUP, topic), WAIT_SECONDS, f"{topic} to be read"
        )

    def wait_for_rows(self, count: int) -> None:
        """So many, or more, which is for the comparison to find."""

        def there() -> bool:
            with self.pipeline.sink() as sink:
                return rows(sink, "SELECT count() FROM weir.flows")[0][0] >= count

        self.running.until(there, WAIT_SECONDS, f"{count} rows in region {self.name}")
        self.wait_until_read(FLOWS_TOPIC)
        self.wait_until_read(forward_name(self.name))

    @property
    def running(self) -> Child:
        assert self.worker is not None
        return self.worker


class Story:
    """Both regions. `played` says how much of each region's flows has been replayed."""

    def __init__(self, directory: Path) -> None:
        self.made: TwoRegions = two_regions(seed=5, conversations=CONVERSATIONS)
        self.regions = {name: Region(name, directory / name) for name in CIDRS}
        for name, region in self.regions.items():
            region.meet(self.regions[OTHER[name]])

    def assert_holds(self) -> None:
        """Every row once and where it belongs; every loss where it was reported; every byte counted once over both."""
        counted = 0
        for name, region in self.regions.items():
            with region.pipeline.sink() as sink:
                found = rows(sink, f"SELECT {SELECTED} FROM weir.flows")  # noqa: S608
                assert_same(found, self.made.rows[name])
                assert_places(sink, name)
                assert_rollups_follow(sink)
                counted += rows(sink, "SELECT sum(bytes_sent + bytes_received) FROM weir.flows_1h WHERE canonical")[0][0]
        assert counted == self.made.canonical_bytes


def assert_same(found: list[Row], wanted: set[Row]) -> None:
    missing, odd = wanted - set(found), set(found) - wanted
    said = f"{len(missing)} missing {sorted(missing, key=str)[:2]}, {len(odd)} odd {sorted(odd, key=str)[:2]}"
    assert (len(found), missing, odd) == (len(wanted), set(), set()), said


def assert_places(sink: Sink, region: str) -> None:
    """What another region saw came by the topic for it, and nothing else did; losses and owners stayed where they were told."""
    found = rows(sink, "SELECT DISTINCT region, topic FROM weir.flows ORDER BY ALL")
    assert set(found) == {(region, FLOWS_TOPIC), (OTHER[region], forward_name(region))}
    assert rows(sink, "SELECT DISTINCT topic FROM weir.batches") == []
    nodes = [(f"{region}-{node}", node + 1) for node in range(NODES)]
    assert rows(sink, "SELECT node_id, packets FROM weir.losses WHERE stage = 'agent' ORDER BY node_id") == nodes
    assert rows(sink, f"SELECT count() FROM weir.ownership WHERE NOT startsWith(workload, '{region}-')") == [(0,)]  # noqa: S608


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Both regions' brokers and workers run; nothing has been told yet."""
    made = Story(tmp_path_factory.mktemp("regions"))
    with ExitStack() as stack:
        for region in made.regions.values():
            stack.enter_context(region.kafka)
        run_weir("topics", "--flow-partitions", "3", settings=made.regions["eu"].pipeline.settings)  # not as many as others forward to
        for region in made.regions.values():
            region.start_worker()
            stack.callback(lambda region=region: region.running.__exit__(None, None, None))
        for region in made.regions.values():
            region.wait_for_worker()
        yield made


def test_flows_that_cross_are_held_until_their_region_speaks(story: Story) -> None:
    """us has heard nothing of its own nodes when eu's flows arrive there."""
    eu, us = story.regions["eu"], story.regions["us"]
    half = len(story.made.flows["eu"]) // 2
    eu.replay("some.jsonl", [*story.made.others["eu"], *story.made.flows["eu"][:half]])
    # Not until eu has read everything: its last windows wait for the hold to be over, and us's hold would be over with it.
    wait_for(lambda: sum(end_offsets(us.kafka.bootstrap, forward_name("us")).values()) > 5, WAIT_SECONDS, "flows to cross")
    # Whoever has never spoken is waited for by nobody: all nodes speak once, of a window that releases nothing, before any says more.
    us.replay("first.jsonl", story.made.others["us"][:NODES])
    us.replay("others.jsonl", story.made.others["us"])
    us.wait_until_read(forward_name("us"))
    with us.pipeline.sink() as sink:
        crossed = set(rows(sink, f"SELECT {SELECTED} FROM weir.flows"))  # noqa: S608
    odd = crossed - story.made.rows["us"]
    assert not odd, f"{len(odd)} of {len(crossed)} odd, such as {sorted(odd, key=str)[:2]}"
    assert 0 < len(crossed) < len(story.made.rows["us"])


def test_the_link_is_cut_and_a_worker_killed(story: Story) -> None:
    """eu's own work goes on without us; what waits for us outlives the worker, and arrives with what us says later."""
    eu, us = story.regions["eu"], story.regions["us"]
    us.kafka.kill()
    eu.replay("all.jsonl", [*story.made.others["eu"], *story.made.flows["eu"]])
    eu.wait_until_read(FLOWS_TOPIC)
    eu.kill_worker()
    us.kafka.start()
    eu.start_worker()
    us.replay("all.jsonl", [*story.made.others["us"], *story.made.flows["us"]])
    for name, region in story.regions.items():
        region.wait_for_rows(len(story.made.rows[name]))
    story.assert_holds()


def test_again_from_both_sides_changes_nothing(story: Story) -> None:
    """eu's worker is not the one that forwarded first: it forwards what it meets again, and us knows it."""
    before = {name: snapshot(region.pipeline) for name, region in story.regions.items()}
    crossed = sum(end_offsets(story.regions["us"].kafka.bootstrap, forward_name("us")).values())
    replays: list[Child] = []
    with ExitStack() as stack:
        for region in story.regions.values():
            path = region.pipeline.write("again.jsonl", story.made.flows[region.name])
            replays.append(stack.enter_context(region.pipeline.having(batch_flows=97).replaying(path)))
        for replay in replays:
            replay.wait()
    for region in story.regions.values():
        region.wait_until_read(FLOWS_TOPIC)
    us = story.regions["us"]
    wait_for(lambda: sum(end_offsets(us.kafka.bootstrap, forward_name("us")).values()) > crossed, 20, "flows to cross again")
    for region in story.regions.values():
        region.wait_until_read(forward_name(region.name))
    for name, region in story.regions.items():
        assert_unchanged(before[name], snapshot(region.pipeline))


def test_what_had_to_be_dropped_is_a_loss_of_the_region_that_saw_it(story: Story) -> None:
    """The outbox reports to its own region, by the topic that others forward to, as often as it likes."""
    from confluent_kafka import Producer

    eu = story.regions["eu"]
    regions = RegionMap("eu", parse_region_cidrs("10.0.0.0/24=us"))
    (crossing,) = split_by_region(merge_batches([batch([9, 10], node="eu-1", window=170_000_000)], region="eu"), regions)[1]
    key, report = loss_report(crossing.value, "outbox_full")
    producer = Producer({"bootstrap.servers": eu.kafka.bootstrap})
    for _ in range(3):
        producer.produce(forward_name("eu"), report, key)
    assert producer.flush(20) == 0
    eu.wait_until_read(forward_name("eu"))
    with eu.pipeline.sink() as sink:
        found = rows(sink, "SELECT node_id, reason, flows, packets, bytes, topic FROM weir.losses WHERE stage = 'forward'")
    assert found == [("eu-1", "outbox_full", 2, 4, 109 + 110 + 2, forward_name("eu"))]
