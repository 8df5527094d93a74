"""What people write of a question is read, or refused with the way out."""

from __future__ import annotations

import pytest

from sinks.queries.spans import Span
from weir.query_options import BadParameter, dimensions, metrics, order, read_filter, read_instant, read_other_time, read_span

NOW_S = 1_767_258_000  # 2026-01-01 09:00:00 UTC


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("now", NOW_S), ("now-15m", NOW_S - 900), ("now+1w", NOW_S + 604_800), ("now-0s", NOW_S), ("2026-01-01T09:00:00Z", NOW_S),
        ("2026-01-01T10:00:00.999+01:00", NOW_S), ("1767258000", NOW_S), ("1767258000.9", NOW_S), ("0", 0),
    ],
)  # fmt: skip
def test_an_instant_is_rfc_3339_unix_or_a_distance_from_now(written: str, seconds: int) -> None:
    assert read_instant("from", written, NOW_S) == seconds


@pytest.mark.parametrize("written", ["", "yesterday", "now-", "now-5", "now- 5m", "now-5y", "-5m", "٣", "1e9", "2026-01-01"])
def test_what_is_no_instant_is_refused(written: str) -> None:
    with pytest.raises(BadParameter, match="is no instant: write 2026") as caught:
        read_instant("from", written, NOW_S)
    assert caught.value.parameter == "from"


@pytest.mark.parametrize("written", ["now-999999999w", "99999999999", "1969-12-31T23:59:59Z"])
def test_what_no_table_can_hold_is_refused(written: str) -> None:
    with pytest.raises(BadParameter, match="use a time from 1970 to 2106"):
        read_instant("to", written, NOW_S)


def test_a_span_has_a_beginning_before_its_end() -> None:
    assert read_span("now-1h", "now", NOW_S) == Span(NOW_S - 3_600, NOW_S)
    for start, end, said in (("now", "now", "would be empty"), ("now", "now-1s", "would be empty"), ("0", "now", "use a shorter span")):
        with pytest.raises(BadParameter, match=said):
            read_span(start, end, NOW_S)


def test_another_time_is_a_distance_or_an_instant() -> None:
    assert read_other_time("compare", "-1d", NOW_S - 60, NOW_S) == NOW_S - 60 - 86_400
    assert read_other_time("compare", "now-1d", NOW_S - 60, NOW_S) == NOW_S - 86_400
    with pytest.raises(BadParameter, match="is before 1970"):
        read_other_time("compare", "-9999w", NOW_S, NOW_S)


def test_names_are_known_ones_and_aliases_stand_for_them() -> None:
    assert dimensions(" client, port ,") == ("client", "service_port")
    assert dimensions("") == ()
    assert metrics("failed,rtt,failed", ("bytes",)) == ("connections_failed", "rtt_us")
    assert metrics("", ("bytes",)) == ("bytes",)
    assert order("-failed") == order("failed") == "connections_failed"
    for read, written, said in (
        (dimensions, "cleint", "by=cleint is not known: did you mean client?"),
        (dimensions, "workload", "by=workload is not known"),
        (dimensions, "client,client", "has a dimension twice"),
        (dimensions, "client,server,port,node,role,source,reason", "more than 6"),
        (order, "rtt_histogram", "order=rtt_histogram is not known"),
    ):
        with pytest.raises(BadParameter, match=said):
            read(written)
    with pytest.raises(BadParameter, match="metrics=byte is not known: did you mean bytes?"):
        metrics("byte", ())


def test_a_filter_that_is_wrong_is_said_with_its_place() -> None:
    assert read_filter("  ") is None
    with pytest.raises(BadParameter, match=r"The filter is wrong at character 8: The filter ends too early\.") as caught:
        read_filter("client=")
    assert caught.value.parameter == "q"
