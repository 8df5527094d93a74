"""One worker of the group, wired from its settings: it runs until told to stop, and ends with an error it cannot wait out.

Its threads: the event loop (main thread: receiver, scheduler, processor), `consumer` (Faust's Kafka consumer), the loop's executor
(builds blocks, waits for servers), `learner`, `ip-events`, `forward-<region>` for each other region, `topics` (watches the topics and the
group), `watchdog` and `http`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from schemas import topics
from schemas.errors import WeirError
from schemas.wire.framing import Framer
from schemas.wire.registry import ConfluentRegistry
from schemas.wire.schema_files import released
from sinks.base import Sink
from sinks.open import open_sink
from streams.allocation import keep_freed_memory
from streams.attribution.cidr_labels import CidrLabels
from streams.blocks.pipeline import Pipeline
from streams.blocks.rejecting import Rejecting
from streams.dedup.restore import Restorer
from streams.forwarding.links import Forwarding
from streams.forwarding.outbox import Outbox
from streams.forwarding.regions import Regions
from streams.intake.app import WorkerApp, build_app
from streams.intake.assignment import Assignment
from streams.intake.dead_letter_limit import DeadLetterLimit
from streams.intake.decode import MessageDecoder
from streams.intake.hold import HoldRule
from streams.intake.receiver import Receiver
from streams.intake.refetch import fetch_message
from streams.kafka import Kafka, TopicCatalog, TopicChanged
from streams.kafka_rights import worker_rights
from streams.learning.learner import OwnershipLearner
from streams.learning.watermarks import Watermarks
from streams.observe import cpu_threads as threads
from streams.observe.health import Watchdog, serve
from streams.observe.liveness import Liveness
from streams.outputs.ip_event_writer import IpEventWriter
from streams.outputs.producer import BlockingProducer
from streams.ownership.locked_map import LockedOwnershipMap
from streams.ownership.map import OwnershipMap, empty_map
from streams.processor import BlockProcessor
from streams.retry import AsyncRetry, Stopped, retried
from streams.scheduler import Scheduler
from streams.settings import WorkerSettings
from streams.topic_watch import TopicWatch

logger = logging.getLogger(__name__)
T = TypeVar("T")
_SECOND_US = 1_000_000
_STOP_SECONDS = 3.0
_LOOK_SECONDS = 0.1


def run_worker(settings: WorkerSettings, stop: threading.Event) -> None:
    """Blocks until `stop` is set. Kafka and ClickHouse are waited for. Raises WeirError for what cannot be waited out."""
    keep_freed_memory()
    _empty_map(settings)  # raises where settings contradict each other, before anything is waited for
    liveness = Liveness(settings.hold_seconds + settings.stall_seconds)
    if settings.metrics_port:
        threads.expose()
        serve(settings.metrics_address, settings.metrics_port, liveness)
    liveness.starting("waiting for ClickHouse and its tables")
    try:
        sink = retried("ClickHouse", lambda: open_sink(settings.clickhouse_url), stop.wait)
    except Stopped:
        return
    try:
        retried("ClickHouse", sink.migrate, stop.wait)
        _run_watched(settings, sink, stop, liveness)
    except Stopped:
        return
    finally:
        sink.close()


def _run_watched(settings: WorkerSettings, sink: Sink, stop: threading.Event, liveness: Liveness) -> None:
    watchdog = Watchdog(liveness, stop)
    watchdog.start()
    try:
        while not stop.is_set():
            _run_on_topics(settings, sink, stop, liveness)
    finally:
        watchdog.close()
    watchdog.check()


def _run_on_topics(settings: WorkerSettings, sink: Sink, stop: threading.Event, liveness: Liveness) -> None:
    """Returns when told to stop, or once a topic is not the one any more that the worker's parts were made for: they are made anew."""
    liveness.starting("waiting for Kafka to tell of its topics")
    read = (topics.FLOWS_TOPIC, *((topics.forward_name(settings.region),) if settings.region_prefixes else ()))
    rights = worker_rights(settings.group, *read[1:])
    used = (*read, topics.ATTRIBUTED_TOPIC, topics.OWNERSHIP_TOPIC, topics.IP_EVENTS_TOPIC)
    catalog = retried("Kafka", lambda: TopicCatalog(settings.kafka, used, rights), stop.wait)
    watch = TopicWatch(catalog, settings.group, read, liveness, stop)
    watch.start()
    try:
        asyncio.run(_run(_Dependencies(settings, sink, catalog, read, liveness), lambda: stop.is_set() or bool(watch.change)))
    except TopicChanged as change:
        watch.note(str(change))
    finally:
        watch.close()
    if watch.change and not stop.is_set():
        logger.warning("%s: the worker begins anew with the topics as they are", watch.change)


@dataclass(frozen=True)
class _Dependencies:
    """What the parts of a worker are made from. `read`: the topics that the group reads."""

    settings: WorkerSettings
    sink: Sink
    catalog: TopicCatalog
    read: tuple[str, ...]
    liveness: Liveness


async def _run(given: _Dependencies, is_over: Callable[[], bool]) -> None:
    settings, liveness = given.settings, given.liveness
    app = build_app(settings)
    older = () if settings.flow_batch_version is None else (released("FlowBatch", settings.flow_batch_version),)
    framer = Framer(ConfluentRegistry(settings.registry) if settings.registry else None, older)
    decoder = MessageDecoder(framer, settings.future_seconds * _SECOND_US)
    rule = HoldRule(settings.hold_seconds * _SECOND_US, settings.skew_ms * 1_000)
    ownership = LockedOwnershipMap(_empty_map(settings), settings.network, settings.ownership_ranges, settings.region)
    event_writer = IpEventWriter(given.sink, lambda: chain(ownership.events(), ownership.services()))
    worker_id, partitions = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}", given.catalog.known.partitions[topics.FLOWS_TOPIC]
    learner = OwnershipLearner(
        settings.kafka,
        framer,
        decoder,
        ownership,
        event_writer,
        Watermarks(worker_id, partitions, rule.hold_us, rule.hold_us + 2 * settings.session_seconds * _SECOND_US),
        worker_id,
        rule.hold_us,
        settings.retention_seconds * _SECOND_US,
    )
    forwarding = _open_forwarding(settings)
    retry = AsyncRetry(asyncio.Event(), liveness.waits_for)
    limit = DeadLetterLimit(settings.dead_letter_share)
    assignment = Assignment(app, given.read, limit, liveness, decoder)
    receiver = Receiver(app, given.read, assignment, decoder, limit, retry)
    producer = BlockingProducer(settings.kafka, lambda: is_over() or retry.stopping.is_set(), "producer")
    processor = _processor(given, app, framer, ownership, event_writer, limit, producer, forwarding, retry)
    scheduler = Scheduler(assignment, receiver, processor, learner, forwarding, rule, limit, liveness, retry, settings.block_flows)
    event_writer.start()
    learner.start()
    try:
        await app.start()
        liveness.starting("")
        await _until_over(app, scheduler, learner, is_over)
    finally:
        scheduler.stop()
        learner.close()
        event_writer.close()
        if forwarding is not None:
            forwarding.close()
        await _stop_app(app)


def _empty_map(settings: WorkerSettings) -> OwnershipMap:
    return empty_map(gap_seconds=settings.gap_seconds, skew_ms=settings.skew_ms, window_seconds=settings.window_seconds)


def _processor(
    given: _Dependencies,
    app: WorkerApp,
    framer: Framer,
    ownership: LockedOwnershipMap,
    event_writer: IpEventWriter,
    limit: DeadLetterLimit,
    producer: BlockingProducer,
    forwarding: Forwarding | None,
    retry: AsyncRetry,
) -> BlockProcessor:
    settings, partitions = given.settings, given.catalog.known.partitions
    pipeline = Pipeline(
        given.sink,
        ownership,
        CidrLabels(settings.cidrs),
        event_writer,
        framer,
        Regions(settings.region, settings.region_prefixes),
        network=settings.network,
        attributed_partitions=partitions[topics.ATTRIBUTED_TOPIC],
    )
    max_entries = settings.dedup_entries // sum(partitions[name] for name in given.read)
    restorer = Restorer(given.sink, horizon_us=settings.dedup_seconds * _SECOND_US, max_entries=max_entries)
    rejecting = Rejecting(pipeline, restorer, limit, lambda *place: fetch_message(settings.kafka, *place))
    return BlockProcessor(app, given.catalog, framer, pipeline, rejecting, restorer, producer, forwarding, given.liveness, retry)


def _open_forwarding(settings: WorkerSettings) -> Forwarding | None:
    """Started, where there are other regions. Raises WeirError where the outbox cannot be held."""
    if not settings.region_prefixes:
        return None
    outbox = Outbox(settings.state_dir / "forward" / "outbox.db", settings.outbox_bytes, settings.region)
    others = {region: Kafka(bootstrap, settings.kafka.security) for region, bootstrap in settings.region_kafka.items()}
    forwarding = Forwarding(outbox, {**others, settings.region: settings.kafka})
    forwarding.start()
    return forwarding


async def _until_over(app: WorkerApp, scheduler: Scheduler, learner: OwnershipLearner, is_over: Callable[[], bool]) -> None:
    """Returns once `is_over`, and the block at hand is done or left pending; raises what ended a part of the worker.

    Any part's end is the worker's: without one of them it would hold its partitions and get nowhere.
    """
    applying = asyncio.ensure_future(scheduler.run())
    noting, following = asyncio.ensure_future(scheduler.note_ends()), asyncio.ensure_future(scheduler.follow())
    halted = asyncio.ensure_future(_until(is_over))
    ended = asyncio.ensure_future(app.wait_until_stopped())
    # Looked for, not joined in a thread of the executor: Python waits for those at its exit, whatever else has gone wrong.
    learning = asyncio.ensure_future(_until(lambda: not learner.is_alive()))
    parts = (applying, noting, following, halted, ended, learning)
    await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
    asked, by_itself = is_over(), ended.done()
    scheduler.stop()
    await asyncio.gather(applying, noting, following)
    if app.crash_reason is not None:
        raise WeirError(f"The Kafka consumer of the worker ended: {app.crash_reason!r}; start the worker again.") from app.crash_reason
    if learner.failed is not None:
        raise learner.failed
    if by_itself and not asked:
        raise WeirError("The Kafka consumer of the worker ended by itself: start the worker again.")


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 (set by other threads)
        await asyncio.sleep(_LOOK_SECONDS)


async def _stop_app(app: WorkerApp) -> None:
    """Leave the group, so that others take over at once; a broker that does not answer is not waited for."""
    try:
        await asyncio.wait_for(app.stop(), _STOP_SECONDS)
    except TimeoutError:
        logger.warning("the Kafka consumer did not stop within %.0f s; the group notices after its session timeout", _STOP_SECONDS)
