"""The Faust app: group membership, fetching and flow control. It is handed raw bytes and commits nothing by itself."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import faust
from faust.auth import SASLCredentials, SSLCredentials
from faust.types import TransportT
from mode.supervisors import CrashingSupervisor

from streams.intake.assignor import SpreadAssignor
from streams.intake.transport import DecisionThread, DecisionTransport
from streams.settings import WorkerSettings

_FOREVER = timedelta(days=365)
FETCH_BYTES = 1024 * 1024
"""What is fetched of a partition at once, as it is on the wire; a larger message comes alone."""
_BUFFERED_MESSAGES = 32
"""In each of Faust's two buffers, however large the messages are."""


class WorkerApp(faust.App):
    logger = logging.getLogger("faust")

    def _new_transport(self) -> TransportT:
        return DecisionTransport(self.conf.broker_consumer, self)

    @property
    def consumer_thread(self) -> DecisionThread:
        """The thread that runs the group's consumer, once the app has started."""
        return cast(DecisionThread, cast(Any, self.consumer)._thread)


def build_app(settings: WorkerSettings) -> WorkerApp:
    """An app without tables, web server, topic declaration or commits of its own.

    `broker_max_poll_interval` is out of the way: while ClickHouse is away the worker waits and keeps its partitions, and lag
    says so; leaving the group would only hand the same wait to the next worker.
    """
    datadir = settings.state_dir / "faust"
    datadir.mkdir(parents=True, exist_ok=True)
    return WorkerApp(
        settings.group,
        broker=[f"kafka://{host}" for host in settings.kafka.bootstrap.split(",")],
        broker_credentials=_credentials(settings.kafka.security),
        broker_session_timeout=settings.session_seconds,
        broker_heartbeat_interval=min(3.0, settings.session_seconds / 5),
        broker_max_poll_records=_BUFFERED_MESSAGES,
        broker_max_poll_interval=_FOREVER.total_seconds(),
        broker_commit_livelock_soft_timeout=_FOREVER.total_seconds(),
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
        topic_allow_declare=False,
        topic_disable_leader=True,
        PartitionAssignor=SpreadAssignor,
        table_standby_replicas=1,  # with 0 and no tables Faust takes aiokafka's round robin, not the assignor above
        stream_wait_empty=False,
        stream_buffer_maxsize=_BUFFERED_MESSAGES,
        agent_supervisor=CrashingSupervisor,
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        datadir=str(datadir),
        web_enabled=False,
    )


def _credentials(security: Mapping[str, str]) -> Any:
    """librdkafka's security settings as Faust's credentials; None for plaintext."""
    protocol = security.get("security.protocol", "plaintext").lower()
    context = ssl.create_default_context(cafile=security.get("ssl.ca.location")) if "ssl" in protocol else None
    if protocol.startswith("sasl"):
        return SASLCredentials(
            username=security.get("sasl.username"),
            password=security.get("sasl.password"),
            mechanism=security.get("sasl.mechanism", "PLAIN"),
            ssl_context=context,
        )
    return SSLCredentials(context=context) if context is not None else None
