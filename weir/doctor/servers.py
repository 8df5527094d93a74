"""Kafka and its topics, ClickHouse and its tables, and the clock."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.errors import WeirError
from weir.doctor.finding import Finding

if TYPE_CHECKING:
    from sinks.base import Sink
    from sinks.engines.base import Engine
    from weir.settings.catalogue import Settings

KAFKA_SECONDS = 5.0
CLOCK_LIMIT_SECONDS = 1.0
SANE_YEARS = range(2024, 2100)
_TIME_ERROR = 5
WORKER_GRANTS = tuple(f"{right} ON weir.*" for right in ("SELECT", "INSERT", "ALTER", "CREATE TABLE", "CREATE VIEW", "DROP TABLE"))


def check_kafka(settings: Settings) -> tuple[Finding, ...]:
    """Kafka, then its topics; both are not needed where no Kafka is set."""
    if not settings.kafka_bootstrap:
        said = "WEIR_KAFKA_BOOTSTRAP is empty: only `weir demo` works, with a Kafka of its own"
        return (Finding("Kafka", None, said), Finding("topics", None, ""))
    from weir.kafka.topics import topic_states

    try:
        states = topic_states(settings, timeout=KAFKA_SECONDS)
    except WeirError as error:
        away = Finding("Kafka", False, f"{settings.kafka_bootstrap} cannot be used", str(error))
        return (away, Finding("topics", False, "not known", "see Kafka"))
    wrong = [state for state in states if state.complaint]
    found = f"{len(states) - len(wrong)} of {len(states)} fit"
    remedy = f"{wrong[0].topic.name}: {wrong[0].complaint}" if wrong else ""
    return (Finding("Kafka", True, f"{settings.kafka_bootstrap} answers"), Finding("topics", not wrong, found, remedy))


def check_rights(settings: Settings, role: str) -> tuple[Finding, ...]:
    """The user's rights on the topics and the group, for what the role does; `all`: agents and workers. Only where Kafka answers."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    from schemas.topics import forward_name
    from streams.kafka_rights import agent_rights, detector_rights, missing_rights, watcher_rights, worker_rights
    from weir.kafka.client import client_config, kafka_reason, quiet_logger

    forwarded = forward_name(settings.region) if settings.region_cidrs else ""
    agent, worker = agent_rights(), worker_rights(settings.group, forwarded)
    others = {"watcher": watcher_rights(), "detector": detector_rights(f"{settings.group}-detector")}
    needed = {"all": (agent, worker), "agent": (agent,), "worker": (worker,)}.get(role) or (others[role],)
    admin = AdminClient(client_config(settings), logger=quiet_logger())
    try:
        missing = sorted({right for rights in needed for right in missing_rights(admin, rights)})
    except KafkaException as error:
        return (Finding("Kafka rights", False, "not known", f"see Kafka ({kafka_reason(error)})"),)
    if not missing:
        return (Finding("Kafka rights", True, "all that are needed"),)
    who = f"User:{settings.kafka_sasl_username}" if settings.kafka_sasl_username else "this client's user"
    return (Finding("Kafka rights", False, f"{who} has not {', '.join(missing)}", "grant them with kafka-acls.sh"),)


def check_clickhouse(settings: Settings) -> tuple[Finding, ...]:
    """ClickHouse, its tables, and how far its clock is from this machine's."""
    from sinks.open import open_sink
    from weir.settings.mask import mask_url
    from weir.settings.targets import clickhouse_url

    try:
        url = clickhouse_url(settings)
    except WeirError as error:
        return (Finding("ClickHouse", None, str(error)), Finding("tables", None, ""))
    try:
        sink = open_sink(url, read_only=True)
    except WeirError as error:
        return _no_clickhouse(mask_url(url), error)
    try:
        version = str(sink.query("SELECT version() AS version").column(0)[0].as_py())
        answers = Finding("ClickHouse", True, f"{mask_url(url)} answers, version {version}")
        return (answers, *_server_rights(url), _check_tables(sink), *_server_clock(sink, url))
    except WeirError as error:
        return _no_clickhouse(mask_url(url), error)
    finally:
        sink.close()


def _no_clickhouse(url: str, error: WeirError) -> tuple[Finding, ...]:
    return (Finding("ClickHouse", False, f"{url} cannot be used", str(error)), Finding("tables", False, "not known", "see ClickHouse"))


def _check_tables(sink: Sink) -> Finding:
    pending = sink.pending()
    if not pending:
        return Finding("tables", True, "up to date")
    return Finding("tables", False, f"{len(pending)} migrations are not applied, first {pending[0]}", "run `weir migrate`")


def _server_rights(url: str) -> tuple[Finding, ...]:
    """Of a server's user, as far as the server has `CHECK GRANT` (24.11 and newer)."""
    from sinks.open import open_engine

    if url.startswith("chdb:"):
        return ()
    engine = open_engine(url, read_only=True)
    try:
        return check_grants(engine)
    except WeirError:
        return ()
    finally:
        engine.close()


def check_grants(engine: Engine, needed: Sequence[str] = WORKER_GRANTS) -> tuple[Finding, ...]:
    """What a worker needs: rows, migrations, and tables to repair with."""
    missing = [grant for grant in needed if not engine.query(f"CHECK GRANT {grant}").column(0)[0].as_py()]
    if not missing:
        return (Finding("ClickHouse rights", True, "all that workers need"),)
    return (Finding("ClickHouse rights", False, f"the user has not {', '.join(missing)}", f"GRANT {missing[0]} TO the user, and so on"),)


def _server_clock(sink: Sink, url: str) -> tuple[Finding, ...]:
    """A server elsewhere has a clock of its own; chDB has this machine's."""
    if url.startswith("chdb:"):
        return ()
    before = time.time()
    server = sink.query("SELECT toUnixTimestamp64Micro(now64(6)) AS now").column(0)[0].as_py() / 1e6
    return (check_skew(server - (before + time.time()) / 2),)


def check_skew(seconds: float) -> Finding:
    """`seconds` by which a server's clock is ahead of this one."""
    fit = abs(seconds) <= CLOCK_LIMIT_SECONDS
    return Finding("clock of ClickHouse", fit, f"{seconds:+.3f} s from this machine's", "" if fit else "run NTP (chrony) on both machines")


def check_clock() -> Finding:
    """Clock check: fails for an implausible date; passes with a remark where no time service disciplines the kernel's clock."""
    now = datetime.now(UTC)
    if now.year not in SANE_YEARS:
        return Finding("clock", False, f"it says {now:%Y-%m-%dT%H:%M:%SZ}", "set it: windows are named by it on every node")
    held = "held by a time service" if _synchronised() else "no time service has told the kernel of itself; fine where the host keeps time"
    return Finding("clock", True, f"{now:%Y-%m-%dT%H:%M:%SZ}, {held}")


def _synchronised() -> bool:
    state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(256))
    return 0 <= state < _TIME_ERROR
