"""WEIR_CLICKHOUSE_URL: what it may be, and what is said when it is something else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import SettingError
from sinks.engines.url import Server, parse_url
from sinks.open import open_sink


def test_a_directory() -> None:
    assert parse_url("chdb:///var/lib/weir") == Path("/var/lib/weir")
    assert parse_url("chdb:////var/lib/weir") == Path("/var/lib/weir")
    assert parse_url("chdb:///tmp/a%20b") == Path("/tmp/a b")


def test_a_server() -> None:
    assert parse_url("clickhouse://u:p%40ss@db.example:9001/weir?secure=1") == Server("db.example", 9001, "u", "p@ss", True, True)
    assert parse_url("clickhouse://db") == Server("db", 9000, "default", "", False, True)
    assert parse_url("clickhouse://db/weir?secure=1&verify=0") == Server("db", 9440, "default", "", True, False)
    assert parse_url("clickhouse://[::1]:9000/weir") == Server("::1", 9000, "default", "", False, True)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "scheme ''"),
        ("http://u:hush@db:8123", "scheme 'http'"),
        ("/var/lib/weir", "chdb:///DIR"),
        ("chdb://var/lib", "absolute path"),
        ("chdb:///", "names no directory"),
        ("chdb:///a?b=1", "takes no options"),
        ("clickhouse://u:hush@/weir", "names no host"),
        ("clickhouse://u:hush@db:99999/weir", "port"),
        ("clickhouse://u:hush@db:x/weir", "port"),
        ("clickhouse://u:hush@db/other", "another database than 'weir'"),
        ("clickhouse://u:hush@db/weir?secure=maybe", "secure is neither 0 nor 1"),
        ("clickhouse://u:hush@db/weir?tls=1", "another option than secure and verify"),
        ("clickhouse://u:hush@[db/weir", "cannot be read"),
        ("clickhouse://u:hu/hush@db/weir", "quote /, ? and # in the password as %2F, %3F and %23"),
        ("clickhouse://u:hu?hush@db/weir", "quote /, ? and #"),
        ("clickhouse://u:hu#hush@db/weir", "quote /, ? and #"),
        ("clickhouse://u:hu@hush/hush@db/weir", "quote /, ? and #"),
        ("clickhouse://u:hush\t@db/weir", "control character"),
        ("clickhouse://u:hush\udcff@db/weir", "not UTF-8"),
        ("clickhouse://db/hush", "another database"),
    ],
)
def test_anything_else_is_a_setting_error(url: str, says: str) -> None:
    with pytest.raises(SettingError) as caught:
        open_sink(url)
    assert says in str(caught.value)
    assert "hush" not in str(caught.value)


@given(st.text(max_size=60))
def test_no_text_ends_in_another_error(text: str) -> None:
    try:
        parse_url(text)
    except SettingError as error:
        assert "\n" not in str(error)


def test_a_password_is_not_shown() -> None:
    assert "hush" not in repr(parse_url("clickhouse://u:hush@db"))
