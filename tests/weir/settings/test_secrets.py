"""No password is said: not by an error, a log line or `weir config`, however it is written. Secrets come from files, too."""
# ruff: noqa: S105, S106 - passwords are what is tested

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.errors import SettingError, WeirError
from schemas.wire.registry import ConfluentRegistry, RegistryAddress
from sinks.open import open_sink
from tests.support.processes import run_weir
from weir.cli import weir
from weir.settings.catalogue import SECRETS
from weir.settings.mask import MASK
from weir.settings.secret_files import FILE
from weir.settings.sources import load_settings, variable

MARKS = "QXJ7"
"""Letters that stand beside each other in a password and in no message."""
PASSWORDS = st.text(st.sampled_from(MARKS + "/?#@[]%:&='\"\\ ,;$é"), min_size=4, max_size=24)
GIVEN = (
    ("clickhouse_url", "clickhouse://weir:{}@127.0.0.1:1/weir"),
    ("clickhouse_url", "clickhouse://:{}@[::1]:1"),
    ("clickhouse_url", "weir:{}@127.0.0.1:1"),
    ("schema_registry_url", "https://me:{}@127.0.0.1:1/prefix"),
    ("schema_registry_url", "ftp://me:{}@127.0.0.1:1/prefix"),
    ("kafka_bootstrap", "sasl://me:{}@127.0.0.1:1"),
    ("region_kafka", "us=me:{}@127.0.0.1:1"),
    ("kafka_sasl_password", "{}"),
    ("alertmanager_url", "http://me:{}@127.0.0.1:1"),
    ("webhook_url", "https://me:{}@127.0.0.1:1/path"),
    ("webhook_url", "http://127.0.0.1:1/services/{}"),
    ("webhook_secret", "{}"),
)


class Said(logging.Handler):
    """Everything that is logged, at any level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.mark.parametrize(("field", "form"), GIVEN)
@settings(max_examples=60, deadline=None)
@given(password=PASSWORDS)
@example(password="QXJ7/QXJ7")
@example(password="QXJ7?QXJ7@Q")
@example(password="QXJ7#QXJ7")
@example(password="QXJ7]QXJ7[")
@example(password="77/QXJ7")
def test_no_part_of_a_password_is_said(field: str, form: str, password: str) -> None:
    value = form.format(password)
    handler, root = Said(), logging.getLogger()
    root.addHandler(handler)
    try:
        said = [*_used(field, value), *handler.lines]
    finally:
        root.removeHandler(handler)
    text = "\n".join(said).lower()
    parts = (password[i : i + 4].lower() for i in range(len(password) - 3))
    assert [part for part in parts if sum(letter in MARKS.lower() for letter in part) > 1 and part in text] == []


def _used(field: str, value: str) -> list[str]:
    """What is said while a setting is read, shown and used against a port where nothing listens."""
    environment = {variable(field): value}
    said = []
    for _ in range(2):
        result = CliRunner().invoke(weir, ["config", "--format", "json"], env=environment, standalone_mode=False)
        said += [result.output, str(result.exception or "")]
        environment[variable("kafka_security_protocol")] = "sasl_ssl"  # incomplete: the settings do not fit together
    calls = {
        "clickhouse_url": lambda: open_sink(value).query("SELECT 1"),
        "schema_registry_url": lambda: ConfluentRegistry(RegistryAddress(value)).get_schema(1),
    }
    if field in calls:
        with pytest.raises(WeirError) as caught:
            calls[field]()
        said.append(str(caught.value))
    return said


@pytest.mark.parametrize("field", SECRETS)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_every_secret_may_come_from_a_file(tmp_path: Path, field: str, end: str) -> None:
    web = dict.fromkeys(("schema_registry_url", "alertmanager_url", "webhook_url"), "http://me:pw@host")
    values = {"kafka_sasl_password": " s3cret\n ", **web}
    value = values.get(field, "clickhouse://me:pw@host")
    secret = tmp_path / "secret@1"
    secret.write_bytes(f"{value}{end}".encode())
    for loaded in (
        load_settings(environment={variable(field + FILE): str(secret)}),
        load_settings(_toml(tmp_path, f"{field}{FILE} = '{secret}'"), {}),
        load_settings(_toml(tmp_path, f"{field} = 'other'"), {variable(field + FILE): str(secret)}),
    ):
        assert getattr(loaded.settings, field) == value
        assert loaded.origins[field].endswith(f", from {secret}")


def test_a_secrets_file_is_named_and_its_content_masked(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("clickhouse://me:hunter2@host/weir\n")
    shown = run_weir("config", settings={"clickhouse_url_file": secret}).stdout
    assert f"clickhouse://me:{MASK}@host/weir" in shown and f"environment, from {secret}" in shown and "hunter2" not in shown


def test_a_setting_and_its_file_together_are_refused(tmp_path: Path) -> None:
    both = {"WEIR_KAFKA_SASL_PASSWORD": "hunter2", "WEIR_KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "absent")}
    with pytest.raises(
        SettingError, match=r"^WEIR_KAFKA_SASL_PASSWORD and WEIR_KAFKA_SASL_PASSWORD_FILE are both set: keep one of them\.$"
    ):
        load_settings(environment=both)
    file = _toml(tmp_path, "kafka_sasl_password = 'a'\nkafka_sasl_password_file = 'b'")
    with pytest.raises(SettingError, match="kafka_sasl_password in .* and kafka_sasl_password_file in .* are both set"):
        load_settings(file, {})
    assert load_settings(environment={**both, "WEIR_KAFKA_SASL_PASSWORD_FILE": ""}).settings.kafka_sasl_password == "hunter2"


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file or directory"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff", "not UTF-8")]
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, content: bytes | None, said: str) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    with pytest.raises(SettingError) as caught:
        load_settings(environment={"WEIR_CLICKHOUSE_URL_FILE": str(secret)})
    assert said in str(caught.value) and str(caught.value).startswith(f"WEIR_CLICKHOUSE_URL_FILE={secret} ")


def test_a_secret_in_the_place_of_its_path_is_not_said() -> None:
    with pytest.raises(SettingError, match="WEIR_CLICKHOUSE_URL_FILE is no path") as caught:
        load_settings(environment={"WEIR_CLICKHOUSE_URL_FILE": "clickhouse://me:hunter2@host"})
    assert "hunter2" not in str(caught.value)


def test_what_is_wrong_with_a_files_content_is_blamed_on_the_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("clickhouse://me:hun/ter2@host")
    with pytest.raises(SettingError, match=rf"^WEIR_CLICKHOUSE_URL, from {secret} is not usable: it holds '@' behind"):
        load_settings(environment={"WEIR_CLICKHOUSE_URL_FILE": str(secret)})


def _toml(directory: Path, text: str) -> Path:
    file = directory / "weir.toml"
    file.write_text(text)
    return file
