"""What a detector needs to know, already checked. Built by the `weir` command; holds no rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.wire.framing import Framer
from streams.kafka import Kafka
from weir.settings.receivers import Target


@dataclass(frozen=True)
class DetectorSettings:
    kafka: Kafka
    framer: Framer
    group: str  # consumer group by which one detector leads; transactional id; the receivers' groups begin with it
    session_seconds: int  # silence after which the group takes a detector for dead
    clickhouse_url: str
    step_seconds: int
    learning_days: int  # from the oldest row of the tables on, nothing is told to receivers
    mutes_file: Path | None
    alertmanager: Target | None
    webhook: Target | None
    webhook_secret: str  # empty: notices are not signed
    metrics_address: str
    metrics_port: int  # 0: none
