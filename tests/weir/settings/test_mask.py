"""Secrets do not reach eyes or logs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weir.settings.mask import MASK, mask_setting, mask_url

PASSWORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=8).map(lambda text: f"<{text}>")


@given(PASSWORDS)
def test_no_password_of_a_url_is_shown_however_it_is_written(password: str) -> None:
    shown = mask_url(f"clickhouse://weir:{password}@host:9000/weir?secure=1")
    assert password not in shown
    assert shown.startswith(f"clickhouse://weir:{MASK}@host:9000/weir")


@given(PASSWORDS)
def test_no_password_setting_is_shown(password: str) -> None:
    assert mask_setting("kafka_sasl_password", password) == MASK


def test_what_is_no_secret_is_shown_whole() -> None:
    for url in ("chdb:///var/lib/weir/data", "clickhouse://host/weir", "clickhouse://me@host:9000/weir?secure=1", "http://host:8081"):
        assert mask_url(url) == url
    assert mask_setting("kafka_sasl_password", "") == ""
    assert mask_setting("cgroup", None) == ""
    assert mask_setting("window_seconds", 10) == "10"


def test_a_password_among_the_parameters_is_masked() -> None:
    assert mask_url("clickhouse://host/weir?password=hunter2&secure=1") == f"clickhouse://host/weir?password={MASK}&secure=1"
