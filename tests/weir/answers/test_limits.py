"""Limits as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import SettingError
from weir.answers.limits import read_limit, read_limits
from weir.query_options import BadParameter


@pytest.mark.parametrize(
    ("text", "metric", "amount", "statistic"),
    [
        ("1TB/day", "bytes", 1e12, "sum"),
        ("2 GiB/hour", "bytes", 2 * 2**30, "p95"),
        ("800Mbit/s", "bytes", 800e6 / 8 * 3_600, "p95"),
        ("800Mbit/s max", "bytes", 800e6 / 8 * 3_600, "max"),
        ("1.5kB/min", "bytes", 90_000, "p95"),
        ("2000 opened/s", "connections_opened", 7_200_000, "p95"),
        ("5/day", "bytes_sent", 5, "sum"),
        ("1GB/day", "bytes_sent", 1e9, "sum"),
    ],
)
def test_a_limit_is_of_a_metric_and_a_days_statistic(text: str, metric: str, amount: float, statistic: str) -> None:
    found = read_limit(text, metric if metric.startswith("bytes") else "bytes")
    assert (found.metric, found.amount, found.statistic, found.name) == (metric, amount, statistic, text)


@pytest.mark.parametrize("text", ["", "1TB", "1XB/day", "-1TB/day", "1TB/week", "1 rtt/s", "0B/day", "1TB/day max", "1" * 40 + "B/day"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(BadParameter, match="limit="):
        read_limit(text, "bytes")


@pytest.mark.parametrize(("content", "sentence"), [
    ("[[limit]]\nname = 'a'\nlimit = '1TB'", "limit=1TB is no limit"),
    ("[[limit]]\nname = 'a'", "is wrong at limit.0.limit"),
    ("[[limit]]\nname = 'a'\nlimit = '1TB/day'\nfilter = '('", "The filter is wrong"),
    ("[[limit]]\nname = 'a'\nlimit = '1TB/day'\ncolour = 'red'", "is wrong at limit.0.colour"),
    ("limits", "is no TOML"),
    ("", "is wrong at limit: Field required"),
])  # fmt: skip
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(content)
    with pytest.raises(SettingError, match="limits.toml") as raised:
        read_limits(path)
    assert sentence in str(raised.value)
