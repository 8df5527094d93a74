"""The statement that makes the flows of a span of windows out of `recording.views`. What it makes depends on the windows' times alone."""

from __future__ import annotations

from weir.demo.scale.views import TABLE

HASHES = 10_007
"""Noise is a share of this many."""
HEAD_BYTES, SEGMENT_BYTES, SYN_BYTES = 52, 1_448, 60
SYN_TRIES = 3

_NAMES = ("node_id", "role", "local_workload", "remote_workload", "region", "local_zone", "remote_zone", "remote_region", "remote_node_id")
_ENDS = ("remote_source", "remote_reason", "remote_service", "remote_domain", "protocol", "canonical")


def flows_statement(start_s: int, end_s: int, window_s: int, both_views: bool) -> str:
    """INSERT of all windows of the length that begin in the span; both views of each call, or the canonical one."""
    here = "role = 'client'"
    sent, received = f"if({here}, up, down)", f"if({here}, down, up)"
    packets_sent, packets_received = (
        f"intDiv({each}, {SEGMENT_BYTES + HEAD_BYTES}) + fine + if({here}, failed, 0)" for each in (sent, received)
    )
    columns = {
        "window_start": "toDateTime(at, 'UTC')",
        "window_seconds": str(window_s),
        "first_seen": f"toDateTime64(at + {window_s} * noise / {2 * HASHES}, 6, 'UTC')",
        "last_seen": f"toDateTime64(at + {window_s} - {window_s} * noise / {4 * HASHES}, 6, 'UTC')",
        **{name: name for name in (*_NAMES, *_ENDS)},
        "network": "'default'",
        "epoch": "1",
        "local_ip": "toIPv6(local_ip)",
        "remote_ip": "toIPv6(remote_ip)",
        "service_port": "port",
        "registrable_domain": "arrayStringConcat(arraySlice(splitByChar('.', remote_domain), -2), '.')",
        "bytes_sent": f"{sent} + if({here}, {SYN_BYTES} * (refused_now + {SYN_TRIES} * timed_out_now), 0)",
        "bytes_received": f"{received} + if({here}, 40 * refused_now, 0)",
        "packets_sent": packets_sent,
        "packets_received": packets_received,
        "payload_bytes_sent": f"intDiv({sent} * 19, 20)",
        "payload_bytes_received": f"intDiv({received} * 19, 20)",
        "connections_opened": "opened",
        "connections_closed": "opened",
        "connections_failed": f"if({here}, failed, 0)",
        "connections_refused": f"if({here}, refused_now, 0)",
        "connections_timed_out": f"if({here}, timed_out_now, 0)",
        "retransmits": "if(protocol = 'tcp', toUInt32(floor((up + down) / 1500 * resent + another)), 0)",
        "rtt_us_sum": f"toUInt64(timed * rtt_us * (0.9 + 0.2 * noise / {HASHES}))",
        "rtt_us_max": "if(timed > 0, 3 * rtt_us, 0)",
        "rtt_count": "timed",
        "rtt_histogram": _histogram("timed"),
        "connect_histogram": _histogram(f"if({here}, opened, 0)"),
        "partition": "node % 8",
        "first_offset": f"intDiv(at, {window_s})",
    }
    which = "1" if both_views else "canonical"
    return f"""
        INSERT INTO weir.flows ({", ".join(columns)}) SETTINGS parallel_view_processing = 1, max_insert_threads = 2
        SELECT {", ".join(columns.values())} FROM (
            SELECT *, calls - least(calls, failed) AS fine, fine * (request_bytes + {2 * HEAD_BYTES}) AS up,
                   fine * (answer_bytes + {2 * HEAD_BYTES}) AS down, if(protocol = 'tcp' AND rtt_us > 0, fine, 0) AS timed,
                   if(protocol = 'tcp', intDiv(fine + reuse - 1, reuse), 0) AS opened
            FROM (
                SELECT *, toUInt32(floor(calls * refused + if(refused > 0, another, 0))) AS refused_now,
                       toUInt32(floor(calls * timed_out)) AS timed_out_now, least(calls, refused_now + timed_out_now) AS failed
                FROM (
                    SELECT *, cityHash64(call, at) AS hash, hash % {HASHES} AS noise,
                           intDiv(hash, {HASHES}) % {HASHES} / {HASHES} AS another,
                           toUInt64(floor(rate * {window_s} * {_DAY} * (0.8 + 0.4 * noise / {HASHES}) + another)) AS calls
                    FROM {TABLE} AS views CROSS JOIN (
                        SELECT toUInt32({start_s} + number * {window_s}) AS at FROM numbers(intDiv({end_s - start_s}, {window_s}))
                    ) AS windows
                    WHERE at >= since_s AND at < until_s AND {which}
                ) WHERE calls > 0
            )
        )"""  # noqa: S608 numbers only


_DAY = "(1 + 0.4 * sin((at % 86400) / 86400 * 2 * pi() - 2.1))"
"""The traffic's shape over the day: most in the early afternoon, least before dawn."""


def _histogram(samples: str) -> str:
    """Two thirds of the samples in the call's bucket, most others in the next one, a twentieth four buckets on."""
    tail, next_one = f"intDiv({samples}, 20)", f"intDiv({samples}, 4)"
    shape = f"[toUInt32({samples} - {next_one} - {tail}), toUInt32({next_one}), 0, 0, toUInt32({tail})]"
    return f"if({samples} = 0, [], arrayConcat(arrayWithConstant(bucket, toUInt32(0)), {shape}))"
