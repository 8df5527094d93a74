"""One worker of the group, wired from its settings: it runs until told to stop, and ends with an error it cannot wait out."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ClusterMetadata, TopicDescription
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from schemas import topics
from schemas.errors import SettingError, Unavailable, WeirError
from schemas.wire.framing import Framer
from schemas.wire.registry import HttpRegistry
from sinks.base import Sink
from sinks.open import open_sink
from streams.attribution.cidr_labels import CidrLabels
from streams.blocks.pipeline import Pipeline
from streams.dedup.restore import Restorer
from streams.forwarding.links import Forwarding
from streams.forwarding.outbox import Outbox
from streams.forwarding.regions import Regions
from streams.intake.app import WorkerApp, build_app
from streams.intake.dead_letter_limit import DeadLetterLimit
from streams.intake.decode import MessageDecoder
from streams.intake.hold import HoldRule
from streams.learning.learner import OwnershipLearner
from streams.learning.watermarks import Watermarks
from streams.observe import cpu_threads as threads
from streams.observe.health import Watchdog, serve
from streams.observe.liveness import Liveness, Place
from streams.outputs.ip_event_writer import IpEventWriter
from streams.outputs.producer import BlockingProducer
from streams.ownership.locked_map import LockedOwnershipMap
from streams.ownership.map import OwnershipMap
from streams.processor import BlockProcessor
from streams.settings import WorkerSettings

logger = logging.getLogger(__name__)
T = TypeVar("T")
_SECOND_US = 1_000_000
_STOP_SECONDS = 3.0
_LOOK_SECONDS = 0.5


def run_worker(settings: WorkerSettings, stop: threading.Event) -> None:
    """Blocks until `stop` is set. Kafka and ClickHouse are waited for. Raises WeirError for what cannot be waited out."""
    if settings.gap_seconds * 1_000 < 2 * settings.skew_ms:
        raise SettingError(
            f"WEIR_GAP_SECONDS={settings.gap_seconds} is less than twice WEIR_SKEW_MS={settings.skew_ms}: clocks alone would split ranges; "
            "raise the one or lower the other."
        )
    progress = Liveness(settings.hold_seconds + settings.stall_seconds)
    if settings.metrics_port:
        threads.expose()
        serve(settings.metrics_address, settings.metrics_port, progress)
    progress.starting("waiting for Kafka to tell of its topics")
    topic = _patiently("Kafka", stop, lambda: _topics(settings))
    progress.starting("waiting for ClickHouse and its tables")
    sink = _patiently("ClickHouse", stop, lambda: open_sink(settings.clickhouse_url))
    if sink is None:
        return
    try:
        _patiently("ClickHouse", stop, sink.migrate)
        if stop.is_set() or topic is None:
            return
        watchdog = Watchdog(progress, stop)
        watchdog.start()
        try:
            asyncio.run(_run(settings, sink, topic, stop, progress))
        finally:
            watchdog.close()
        watchdog.check()
    finally:
        sink.close()


async def _run(settings: WorkerSettings, sink: Sink, topic: Topics, stop: threading.Event, progress: Liveness) -> None:
    app = build_app(settings)
    framer = Framer(HttpRegistry(settings.registry_url) if settings.registry_url else None)
    rule = HoldRule(settings.hold_seconds * _SECOND_US, settings.skew_ms * 1_000)
    known = OwnershipMap(
        gap_us=settings.gap_seconds * _SECOND_US,
        skew_us=settings.skew_ms * 1_000,
        window_us=settings.window_seconds * _SECOND_US,
    )
    ownership = LockedOwnershipMap(known, settings.network, settings.ownership_ranges)
    worker_id = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
    intake = MessageDecoder(framer, settings.future_seconds * _SECOND_US)
    event_writer = IpEventWriter(sink, ownership.events)
    knowledge = OwnershipLearner(
        settings.kafka_bootstrap,
        settings.kafka_security,
        framer,
        intake,
        ownership,
        event_writer,
        Watermarks(worker_id, topic.partitions, rule.hold_us, rule.hold_us + 2 * settings.session_seconds * _SECOND_US),
        worker_id,
        rule.hold_us,
        settings.retention_seconds * _SECOND_US,
    )
    regions = Regions(settings.region, settings.region_prefixes)
    pipeline = Pipeline(
        sink,
        ownership,
        CidrLabels(settings.cidrs),
        event_writer,
        framer,
        regions,
        network=settings.network,
        attributed_partitions=topic.attributed_partitions,
    )
    restorer = Restorer(sink, horizon_us=settings.dedup_seconds * _SECOND_US, max_entries=settings.dedup_entries // topic.read_partitions)
    delivery = BlockingProducer(settings.kafka_bootstrap, settings.kafka_security, stop.is_set, "producer")
    refusals = DeadLetterLimit(settings.dead_letter_share)
    forwarding = _open_forwarding(settings)
    applier = BlockProcessor(
        app,
        intake,
        knowledge,
        rule,
        pipeline,
        restorer,
        delivery,
        forwarding,
        settings.block_flows,
        topic.ids,
        refusals,
        progress,
    )
    progress.end_of = lambda place: _end_of(app, knowledge, place)
    event_writer.start()
    knowledge.start()
    try:
        await app.start()
        progress.starting("")
        await _until_over(app, applier, knowledge, stop)
    finally:
        applier.stop()
        knowledge.close()
        event_writer.close()
        if forwarding is not None:
            forwarding.close()
        await _stop_app(app)


def _open_forwarding(settings: WorkerSettings) -> Forwarding | None:
    """Started, where there are other regions. Raises WeirError where the outbox cannot be held."""
    if not settings.region_prefixes:
        return None
    outbox = Outbox(settings.state_dir / "forward" / "outbox.db", settings.outbox_bytes, settings.region)
    forwarding = Forwarding(outbox, {**settings.region_kafka, settings.region: settings.kafka_bootstrap}, settings.kafka_security)
    forwarding.start()
    return forwarding


def _end_of(app: WorkerApp, knowledge: OwnershipLearner, place: Place) -> int:
    """As far as either of two consumers has heard: one alone may have stopped to listen."""
    try:
        highwater = app.consumer.highwater(TP(*place)) or 0
    except (AssertionError, AttributeError, KafkaError, ConsumerNotStarted):  # a partition that is just going to another worker
        highwater = 0
    return max(highwater, knowledge.read_to.get(place, 0))


async def _until_over(app: WorkerApp, applier: BlockProcessor, knowledge: OwnershipLearner, stop: threading.Event) -> None:
    """Returns when told to stop and the block at hand is done or left pending; raises what ended a part of the worker.

    Any part's end is the worker's: without one of them it would hold its partitions and get nowhere.
    """
    applying = asyncio.ensure_future(applier.apply_forever())
    stopped = asyncio.ensure_future(asyncio.to_thread(stop.wait))
    ended = asyncio.ensure_future(app.wait_until_stopped())
    learning = asyncio.ensure_future(_end_of_thread(knowledge))
    await asyncio.wait((applying, stopped, ended, learning), return_when=asyncio.FIRST_COMPLETED)
    asked, by_itself = stop.is_set(), ended.done()
    stop.set()
    applier.stop()
    await applying
    if app.crash_reason is not None:
        raise WeirError(f"The Kafka consumer of the worker ended: {app.crash_reason!r}; start the worker again.") from app.crash_reason
    if knowledge.failed is not None:
        raise knowledge.failed
    if by_itself and not asked:
        raise WeirError("The Kafka consumer of the worker ended by itself: start the worker again.")


async def _end_of_thread(thread: threading.Thread) -> None:
    """Looked for, not joined in a thread of the executor: Python waits for those at its exit, whatever else has gone wrong."""
    while thread.is_alive():  # noqa: ASYNC110 (a thread that ends sets no event)
        await asyncio.sleep(_LOOK_SECONDS)


async def _stop_app(app: WorkerApp) -> None:
    """Leave the group, so that others take over at once; a broker that does not answer is not waited for."""
    try:
        await asyncio.wait_for(app.stop(), _STOP_SECONDS)
    except TimeoutError:
        logger.warning("the Kafka consumer did not stop within %.0f s; the group notices after its session timeout", _STOP_SECONDS)


@dataclass(frozen=True)
class Topics:
    partitions: int  # of weir.flows
    read_partitions: int  # of all topics that workers of the group read
    ids: dict[str, str]  # of those, by name; empty where the broker does not tell
    attributed_partitions: int


def _topics(settings: WorkerSettings) -> Topics:
    read = [topics.FLOWS_TOPIC, *([topics.forward_name(settings.region)] if settings.region_prefixes else [])]
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap, **settings.kafka_security})
    try:
        cluster = admin.list_topics(timeout=5)
        partitions = [_partitions(cluster, name) for name in read]
        attributed = _partitions(cluster, topics.ATTRIBUTED_TOPIC)
        # librdkafka's built-in broker gives no ids: the demo lets its offsets go on instead.
        embedded = str(cluster.cluster_id).startswith("mockCluster")
        ids = {name: "" if embedded else str(_described(admin, name).topic_id) for name in read}
    except KafkaException as error:
        raise Unavailable(f"Kafka at {settings.kafka_bootstrap} does not tell of its topics: {error.args[0].str()}") from error
    return Topics(partitions[0], sum(partitions), ids, attributed)


def _partitions(cluster: ClusterMetadata, name: str) -> int:
    if name not in cluster.topics:
        raise Unavailable(f"Kafka has no topic {name}: run `weir topics`")
    return len(cluster.topics[name].partitions)


def _described(admin: AdminClient, name: str) -> TopicDescription:
    futures = admin.describe_topics(TopicCollection([name]), request_timeout=5)
    described: TopicDescription = futures[name].result()
    return described


def _patiently(part: str, stop: threading.Event, call: Callable[[], T]) -> T | None:
    """Try until it succeeds, or `stop` is set (None): a server that is not there yet is waited for."""
    tries = 0
    while not stop.is_set():
        try:
            return call()
        except Unavailable as error:
            logger.log(logging.WARNING if tries == 0 else logging.DEBUG, "waiting for %s: %s", part, error)
        stop.wait(min(0.2 * 2**tries, 5.0))
        tries = min(tries + 1, 10)
    return None
