"""A flow as the tables have it, and who held its remote address around its time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from schemas.addresses import format_address
from schemas.records.validation import INSTANT_LIMIT_US
from sinks.engines.quoting import quoted
from weir.explain.told import address_sql, service_sql

if TYPE_CHECKING:
    from weir.explain.asks import Asks

RANGES = 20
"""As many ranges are shown, those nearest to the flow's time."""


@dataclass(frozen=True)
class Question:
    """Which flow: the newest that fits. Addresses are 16 bytes, instants microseconds. `visible`: SQL over `weir.flows`, of weir's own."""

    remote_ip: bytes
    local_ip: bytes | None = None
    port: int | None = None
    at_us: int | None = None
    visible: str = ""


@dataclass(frozen=True)
class Flow:
    """A row of `flows`. `written_us`: when the row was written, to the second."""

    window_start_us: int
    window_seconds: int
    first_us: int
    last_us: int
    network: str
    node_id: str
    protocol: str
    role: str
    local_ip: str
    remote_ip: str
    service_port: int
    local_workload: str
    remote_workload: str
    remote_source: str
    remote_reason: str
    remote_node_id: str
    remote_zone: str
    remote_region: str
    remote_service: str
    topic: str
    partition: int
    first_offset: int
    written_us: int

    @property
    def listening(self) -> bool:
        """Whether the remote end is the one that listens on the service port."""
        return self.role == "client"


@dataclass(frozen=True)
class Held:
    """A range of `ownership`. `learned_us`: since when the tables know of it, to the second."""

    workload: str
    start_us: int
    end_us: int
    source: str
    port: int
    node_id: str
    learned_us: int

    @property
    def is_open(self) -> bool:
        """Whether no end is known."""
        return self.end_us >= INSTANT_LIMIT_US


@dataclass(frozen=True)
class Behind:
    """What a watcher told of the service address that the flow called, or of its node port: a row of `services`."""

    service: str
    workloads: tuple[str, ...]
    start_us: int
    end_us: int
    watcher: str


@dataclass(frozen=True)
class Evidence:
    """`matching`: flows that fit the question. `ports`: how many ports of the remote address listeners were named for.

    `told_us`: when the newest range or event of the flow's time was written to the tables; 0 where there is none.
    """

    flow: Flow
    matching: int
    ranges: tuple[Held, ...]
    ports: int
    told_us: int
    behind: tuple[Behind, ...] = ()


def gather(sink: Asks, question: Question) -> Evidence | None:
    """None where no flow fits."""
    found = sink.query(_flow_sql(question)).to_pylist()
    if not found:
        return None
    row = found[0]
    flow = Flow(**{field.name: row[field.name] for field in fields(Flow)})
    (shared,) = sink.query(_ports_sql(flow)).to_pylist()
    held = [Held(**known) for known in sink.query(_ranges_sql(flow)).to_pylist()]
    (told,) = sink.query(_told_sql(flow)).to_pylist()
    behind = sink.query(_behind_sql(flow)).to_pylist() if flow.listening else []
    stood = tuple(Behind(**{**one, "workloads": tuple(one["workloads"])}) for one in behind)
    return Evidence(flow, row["matching"], tuple(held), shared["ports"], told["told_us"], stood)


def _flow_sql(question: Question) -> str:
    conditions = [f"remote_ip = {_ip(question.remote_ip)}"]
    if question.local_ip is not None:
        conditions.append(f"local_ip = {_ip(question.local_ip)}")
    if question.port is not None:
        conditions.append(f"service_port = {int(question.port)}")
    if question.visible:
        conditions.append(question.visible)
    order = "window_start DESC, last_seen DESC"
    if question.at_us is not None:
        at = _instant(question.at_us)
        conditions.append(f"window_start <= {at} AND {at} < window_start + toIntervalSecond(window_seconds)")
        order = f"first_seen <= {at} AND {at} <= last_seen DESC, {order}"
    instants = {"window_start_us": "toDateTime64(window_start, 6, 'UTC')", "first_us": "first_seen", "last_us": "last_seen"}
    instants["written_us"] = "toDateTime64(written_at, 6, 'UTC')"
    columns = [f"toUnixTimestamp64Micro({sql}) AS {name}" for name, sql in instants.items()]
    columns += [field.name for field in fields(Flow) if field.name not in instants]
    # The newest first: which of equals is shown is settled by where they came from.
    return (
        f"SELECT {', '.join(columns)}, count() OVER () AS matching FROM weir.flows "  # noqa: S608
        f"WHERE {' AND '.join(conditions)} ORDER BY {order}, partition, first_offset, local_ip, service_port LIMIT 1"
    )


def _ranges_sql(flow: Flow) -> str:
    """The nearest in time; of the whole address, and of the port that the remote end listens on."""
    listener = f" OR port = {flow.service_port} AND protocol = {quoted(flow.protocol)}" if flow.listening and flow.service_port else ""
    return (
        "SELECT workload, toUnixTimestamp64Micro(start) AS start_us, toUnixTimestamp64Micro(`end`) AS end_us, source, port, node_id, "  # noqa: S608
        "toInt64(toUnixTimestamp(learned_at)) * 1000000 AS learned_us FROM weir.ownership "
        f"WHERE {address_sql(flow)} AND (port = 0{listener}) "
        f"ORDER BY greatest(0, start_us - {flow.last_us}, {flow.first_us} - end_us), start_us, workload, node_id LIMIT {RANGES}"
    )


def _ports_sql(flow: Flow) -> str:
    return f"SELECT uniqExact(port, protocol) AS ports FROM weir.ownership_ranges WHERE {address_sql(flow)} AND port > 0"  # noqa: S608


def _behind_sql(flow: Flow) -> str:
    """The nearest in time."""
    return (
        "SELECT service, workloads, toUnixTimestamp64Micro(start) AS start_us, toUnixTimestamp64Micro(`end`) AS end_us, watcher "  # noqa: S608
        f"FROM weir.services WHERE {service_sql(flow)} "
        f"ORDER BY greatest(0, start_us - {flow.last_us}, {flow.first_us} - end_us), start_us, watcher LIMIT {RANGES}"
    )


def _told_sql(flow: Flow) -> str:
    """Of heartbeats: an event's range may follow from any event of the address. Of what went on it is known how late it was at least."""
    address, first, last = (
        address_sql(flow),
        f"toUnixTimestamp64Micro(`end`) > {flow.first_us}",
        f"toUnixTimestamp64Micro(start) <= {flow.last_us}",
    )
    went_on = (
        f"SELECT network, node_id, chain FROM weir.ownership_ranges WHERE {address} AND chain > 0 AND {last} "  # noqa: S608
        f"GROUP BY network, node_id, chain, port, protocol, workload, start HAVING max(ended) = 0 OR max({first})"
    )
    return (
        "SELECT max(us) AS told_us FROM ("  # noqa: S608
        "SELECT toInt64(toUnixTimestamp(max(learned_at))) * 1000000 AS us FROM weir.ownership_ranges "
        f"WHERE {address} AND {last} AND {first} UNION ALL "
        f"SELECT max(least(toUnixTimestamp64Micro(`end`), {flow.last_us}) + late * 1000000) AS us FROM weir.ownership_rests "
        f"WHERE (network, node_id, chain) IN ({went_on}) AND {last} AND {first})"
    )


def _ip(address: bytes) -> str:
    return f"toIPv6({quoted(format_address(address))})"


def _instant(instant_us: int) -> str:
    return f"fromUnixTimestamp64Micro(toInt64({int(instant_us)}), 'UTC')"
