"""The SQL behind the view. Only canonical rows: every byte once. Names in the order in which the connection was opened."""

from __future__ import annotations

MICRO = 1_000_000
SHOWN_EDGES = 24

_CLIENT = "if(role = 'server', remote_workload, local_workload)"
_SERVER = "if(role = 'server', local_workload, remote_workload)"
_DOMAIN = "if(role = 'server', '', toString(remote_domain))"
_TO_SERVER = "if(role = 'server', bytes_received, bytes_sent)"
_TO_CLIENT = "if(role = 'server', bytes_sent, bytes_received)"
_PORT = "concat(toString(protocol), if(startsWith(IPv6NumToString(local_ip), '::ffff:'), '', '6'), '/', toString(service_port))"
_RTT = "if(sum(rtt_count) = 0, NULL, sum(rtt_us_sum) / sum(rtt_count))"

LOG_END = (
    "SELECT toInt64(partition) AS partition, toInt64(max(first_offset)) AS last FROM weir.{} WHERE topic = 'weir.flows' GROUP BY partition"
)
LOG_TABLES = ("flows", "batches", "losses")


def since(first_us: int) -> str:
    """A condition on window_start. Windows start at whole seconds."""
    return f"window_start >= toDateTime({-(-first_us // MICRO)}, 'UTC')"


def newest_window(since_us: int) -> str:
    return f"""
        SELECT toInt64(toUnixTimestamp(max(window_start))) AS newest, toInt64(max(window_seconds)) AS seconds, toInt64(count()) AS flows
        FROM weir.flows WHERE {since(since_us)}"""  # noqa: S608 numbers only


def losses(since_us: int) -> str:
    return f"""
        SELECT toInt64(sum(flows)) AS flows, toInt64(sum(packets)) AS packets, toInt64(sum(bytes)) AS bytes
        FROM weir.losses WHERE {since(since_us)}"""  # noqa: S608 numbers only


def windows(first_us: int, before_us: int | None, as_one: bool = False) -> str:
    """A row a window, or one row for all of them."""
    start, group = ("min(window_start)", "") if as_one else ("window_start", "GROUP BY window_start ORDER BY window_start")
    return f"""
        SELECT toInt64(toUnixTimestamp({start})) AS start, toInt64(max(window_seconds)) AS seconds,
               toInt64(uniqExact(tuple({_CLIENT}, {_SERVER}, protocol, service_port))) AS edges,
               toInt64(sum(bytes_sent + bytes_received)) AS bytes, toInt64(sum(connections_opened)) AS opened,
               toInt64(sum(connections_failed)) AS failed, {_RTT} AS rtt_us, toInt64(sum(retransmits)) AS retransmits
        FROM weir.flows WHERE {_span(first_us, before_us)} {group}"""  # noqa: S608 numbers only


def edges(first_us: int, before_us: int) -> str:
    """Sums over the span, the busiest edges first. A nameless end shows its domain, or why it has no name."""
    span = _span(first_us, before_us)
    return f"""
        SELECT {_named(_CLIENT)} AS client, {_named(_SERVER, _DOMAIN)} AS server, {_PORT} AS port,
               toFloat64(sum({_TO_SERVER})) AS to_server, toFloat64(sum({_TO_CLIENT})) AS to_client,
               toFloat64(sum(connections_opened)) AS opened, toFloat64(sum(connections_failed)) AS failed,
               {_RTT} AS rtt_us, sumForEach(rtt_histogram) AS rtt_samples, toFloat64(sum(retransmits)) AS retransmits
        FROM weir.flows WHERE {span}
        GROUP BY client, server, port ORDER BY to_server + to_client DESC, client, server, port LIMIT {SHOWN_EDGES}"""  # noqa: S608 numbers only


def _span(first_us: int, before_us: int | None) -> str:
    upper = "" if before_us is None else f" AND window_start < toDateTime({-(-before_us // MICRO)}, 'UTC')"
    return f"canonical AND {since(first_us)}{upper}"


def _named(name: str, otherwise: str = "''") -> str:
    texts = f"toString({name})", otherwise
    return f"multiIf({texts[0]} != '', {texts[0]}, {texts[1]} != '', {texts[1]}, concat('(', toString(remote_reason), ')'))"
