"""`weir detector` from its settings: a member of the group that, while it leads, looks at steps and has what it finds delivered.

A time of leading begins with the log: opened, which fences a former leader, and read to its end. Whatever goes wrong with Kafka or the
tables ends that time, and another begins the same way: there is one road back, and it is the road in.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from schemas.errors import Unavailable
from sinks.engines.base import Engine
from sinks.open import open_engine
from weir.detector import metrics
from weir.detector.alertmanager import Alertmanager
from weir.detector.health import Health, serve
from weir.detector.kafka_log import KafkaLog
from weir.detector.leader import Candidate
from weir.detector.log import Written
from weir.detector.lookout import Lookout
from weir.detector.mutes import Mutes
from weir.detector.outbox import Outbox, Receiver
from weir.detector.positions import KafkaPositions
from weir.detector.settings import DetectorSettings
from weir.detector.watch import Watch
from weir.detector.webhook import Webhook

log = logging.getLogger("weir.detector")

LOOK_SECONDS = 5.0
"""How often the tables are asked whether a step is complete."""
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
LONG_SECONDS = 60.0
"""A time of leading that lasted so long was no failure: what ends it is said anew."""


def run_detector(settings: DetectorSettings, watches: Sequence[Watch], stop: threading.Event) -> None:
    """Blocks until `stop` is set. Raises SettingError for a file of mutes that cannot be used."""
    mutes, health = Mutes(settings.mutes_file), Health()
    with ExitStack() as stack:
        engine = open_engine(settings.clickhouse_url)
        stack.callback(engine.close)
        if settings.metrics_port:
            stack.callback(serve(settings.metrics_address, settings.metrics_port, health).close)
        candidate = Candidate(settings.kafka, settings.group, settings.session_seconds)
        candidate.start()
        stack.callback(candidate.close)
        tries = 0
        while not stop.is_set():
            if not candidate.wait(0.5):
                reserve = "in reserve: another detector leads, or Kafka has not given the lead yet"
                health.says(candidate.trouble or reserve, well=not candidate.trouble)
                continue
            begun = time.monotonic()
            try:
                _lead(settings, watches, mutes, engine, health, lambda: candidate.leads and not stop.is_set(), stop)
                tries = 0
            except Unavailable as error:
                tries = 0 if time.monotonic() - begun > LONG_SECONDS else tries
                log.log(logging.WARNING if tries in (0, 10, 100) else logging.DEBUG, "%s It is tried again.", error)
                health.says(f"waiting: {error}", well=False)
                stop.wait(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries += 1


def _lead(
    settings: DetectorSettings,
    watches: Sequence[Watch],
    mutes: Mutes,
    engine: Engine,
    health: Health,
    goes_on: Callable[[], bool],
    stop: threading.Event,
) -> None:
    """One time of leading. Raises Unavailable."""
    journal = KafkaLog(settings.kafka, settings.framer, settings.group)
    lookout = Lookout(engine, watches, journal, mutes, step_s=settings.step_seconds, learning_days=settings.learning_days)
    with _measured(), _outboxes(settings, lookout.recover()) as outboxes:
        while goes_on():
            health.says(f"leads: {len(lookout.state.opened)} findings are open")
            step = lookout.due()
            if step is None:
                stop.wait(min(LOOK_SECONDS, settings.step_seconds / 2))
                continue
            entries = lookout.look(step)
            for outbox in outboxes:
                outbox.add(entries)
                if not outbox.is_alive():
                    raise Unavailable(f"The thread that tells the {outbox.name} has ended; what it said stands above.")


@contextmanager
def _measured() -> Iterator[None]:
    metrics.TERMS.inc()
    metrics.LEADING.set(1)
    try:
        yield
    finally:
        metrics.LEADING.set(0)


@contextmanager
def _outboxes(settings: DetectorSettings, written: Written) -> Iterator[list[Outbox]]:
    """One for each receiver, each with a position of its own."""
    receivers: list[Receiver] = []
    if settings.alertmanager:
        receivers.append(Alertmanager(settings.alertmanager))
    if settings.webhook:
        receivers.append(Webhook(settings.webhook, settings.webhook_secret))
    with ExitStack() as stack:
        outboxes = []
        for receiver in receivers:
            positions = KafkaPositions(settings.kafka, f"{settings.group}-{receiver.name}")
            stack.callback(positions.close)
            outbox = Outbox(receiver, positions, written)
            stack.callback(outbox.close)
            outboxes.append(outbox)
        for outbox in outboxes:
            outbox.start()
        yield outboxes
