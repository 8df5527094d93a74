"""`weir worker`: one worker of the group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from streams.settings import WorkerSettings
    from weir.settings.catalogue import Settings


@make("worker")
def command(run: Run) -> None:
    """Runs one worker: drops repeats, names both ends, writes to ClickHouse and to weir.attributed.

    Start as many as there is work for; they share the partitions of weir.flows, and those of what other regions forward. Ends
    cleanly on SIGTERM or Ctrl-C: what was not yet written is read again by the next worker. What waits for another region stays
    in WEIR_STATE_DIR: where there are regions, every worker has a state directory of its own, and keeps it.
    """
    settings = run.kafka_settings()
    worker_settings = settings_for_worker(settings)
    from streams.worker import run_worker
    from weir.kafka.topics import ensure_topics
    from weir.signals import stop_on_signals

    stop = stop_on_signals()
    ensure_topics(settings, stop)
    run_worker(worker_settings, stop)


def settings_for_worker(settings: Settings) -> WorkerSettings:
    """The worker's part of the settings."""
    from streams.kafka import Kafka
    from streams.settings import WorkerSettings
    from weir.kafka.client import security_config
    from weir.kafka.framer import flow_batch_version, registry_address
    from weir.settings.cidrs import parse_cidrs
    from weir.settings.regions import parse_region_cidrs, parse_region_kafka
    from weir.settings.targets import clickhouse_url

    return WorkerSettings(
        kafka=Kafka(settings.kafka_bootstrap, security_config(settings)),
        group=settings.group,
        session_seconds=settings.session_seconds,
        region=settings.region,
        region_prefixes=parse_region_cidrs(settings.region_cidrs),
        region_kafka=parse_region_kafka(settings.region_kafka),
        outbox_bytes=settings.spool_bytes,
        network=settings.network,
        clickhouse_url=clickhouse_url(settings),
        window_seconds=settings.window_seconds,
        hold_seconds=settings.hold_seconds,
        gap_seconds=settings.gap_seconds,
        skew_ms=settings.skew_ms,
        dedup_seconds=settings.dedup_seconds,
        dedup_entries=settings.dedup_entries,
        ownership_ranges=settings.ownership_ranges,
        retention_seconds=settings.retention_seconds,
        block_flows=settings.block_flows,
        dead_letter_share=settings.dead_letter_share,
        state_dir=settings.state_dir,
        metrics_address=settings.metrics_address,
        metrics_port=settings.metrics_port,
        stall_seconds=settings.stall_seconds,
        future_seconds=settings.future_seconds,
        cidrs=parse_cidrs(settings.cidrs),
        registry=registry_address(settings) if settings.schema_registry_url else None,
        flow_batch_version=flow_batch_version(settings),
    )
