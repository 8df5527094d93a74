"""`weir detector`: looks for findings, keeps them, and delivers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from weir.detector.settings import DetectorSettings
    from weir.settings.catalogue import Settings


@make("detector")
def command(run: Run) -> None:
    """Looks for findings as windows close, keeps them in the tables and on weir.findings, and tells Alertmanager and a webhook.

    Run two: one leads by the consumer group, the other takes over within WEIR_SESSION_SECONDS. Each finding is opened once and closed
    once, whoever dies in between. On SIGTERM or Ctrl-C it leaves the group at once.
    """
    settings = run.kafka_settings()
    detector_settings = settings_for_detector(settings)
    from schemas.topics import FINDINGS_TOPIC, TOPICS
    from weir.detector.run import run_detector
    from weir.detector.watches import every_watch
    from weir.kafka.topics import ensure_topics
    from weir.signals import stop_on_signals

    stop = stop_on_signals()
    ensure_topics(settings, stop, [topic for topic in TOPICS if topic.name == FINDINGS_TOPIC])
    run_detector(detector_settings, every_watch(), stop)


def settings_for_detector(settings: Settings) -> DetectorSettings:
    """The detector's part of the settings."""
    from streams.kafka import Kafka
    from weir.detector.settings import DetectorSettings
    from weir.kafka.client import security_config
    from weir.kafka.framer import open_framer
    from weir.settings.receivers import read_target
    from weir.settings.targets import clickhouse_url

    return DetectorSettings(
        kafka=Kafka(settings.kafka_bootstrap, security_config(settings)),
        framer=open_framer(settings),
        group=f"{settings.group}-detector",
        session_seconds=settings.session_seconds,
        clickhouse_url=clickhouse_url(settings),
        step_seconds=settings.detector_seconds,
        learning_days=settings.detector_learning_days,
        mutes_file=settings.mutes_file,
        alertmanager=read_target(settings.alertmanager_url) if settings.alertmanager_url else None,
        webhook=read_target(settings.webhook_url) if settings.webhook_url else None,
        webhook_secret=settings.webhook_secret,
        metrics_address=settings.metrics_address,
        metrics_port=settings.metrics_port,
    )
