"""Settings: who wins, what is refused, and how it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import SettingError
from weir.settings.catalogue import Settings
from weir.settings.sources import load_settings, variable


def toml(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "weir.toml"
    file.write_text(text)
    return file


def test_environment_goes_before_file_before_default(tmp_path: Path) -> None:
    file = toml(tmp_path, "window_seconds = 5\nregion = 'eu'\n")
    loaded = load_settings(file, {"WEIR_WINDOW_SECONDS": "7"})
    assert (loaded.settings.window_seconds, loaded.settings.region, loaded.settings.hold_seconds) == (7, "eu", 30)
    assert loaded.origins["window_seconds"] == "environment"
    assert loaded.origins["region"] == f"file {file}"
    assert loaded.origins["hold_seconds"] == "default"


def test_an_empty_variable_means_the_default_even_over_a_file(tmp_path: Path) -> None:
    loaded = load_settings(toml(tmp_path, "window_seconds = 5"), {"WEIR_WINDOW_SECONDS": ""})
    assert loaded.settings.window_seconds == 10
    assert loaded.origins["window_seconds"] == "default"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("WEIR_WINDOW_SECOND", "WEIR_WINDOW_SECONDS"),
        ("WEIR_KAFKA_BOOTSTRAP_SERVERS", "WEIR_KAFKA_BOOTSTRAP"),
        ("WEIR_window_seconds", "WEIR_WINDOW_SECONDS"),
    ],
)
def test_unknown_variables_are_refused_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(SettingError, match=rf"^{name} is not a setting of weir: did you mean {nearest}\?$"):
        load_settings(environment={name: "1"})


def test_unknown_variables_are_refused_even_when_empty_and_like_nothing_else() -> None:
    with pytest.raises(SettingError, match="WEIR_QQQQ is not a setting of weir: `weir config`"):
        load_settings(environment={"WEIR_QQQQ": ""})


def test_other_programs_variables_do_not_matter() -> None:
    assert load_settings(environment={"PATH": "/bin", "WEIRD": "1"}).settings == load_settings(environment={}).settings


@pytest.mark.parametrize("name", ["window_second", "WEIR_WINDOW_SECONDS"])
def test_unknown_keys_of_the_file_are_refused_with_the_nearest(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match=rf"^{name} in .*weir.toml is not a setting of weir: did you mean window_seconds\?$"):
        load_settings(toml(tmp_path, f"{name} = 5"), {})


@pytest.mark.parametrize(
    ("text", "said"),
    [("window_seconds = ", "is not valid TOML"), ("window_seconds = true", "is a bool"), ("[region]\na = 1", "is a dict")],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        load_settings(toml(tmp_path, text), {})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"--config .*absent.toml cannot be read \(No such file or directory\)"):
        load_settings(tmp_path / "absent.toml", {})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WINDOW_SECONDS", "0", "greater than or equal to 1"),
        ("WINDOW_SECONDS", "ten", "valid integer"),
        ("MAP_ENTRIES", "99999999999", "less than or equal to"),
        ("SPOOL_BYTES", "-1", "greater than or equal to"),
        ("METRICS_PORT", "65536", "less than or equal to 65535"),
        ("KAFKA_BOOTSTRAP", "broker", "host:port"),
        ("KAFKA_BOOTSTRAP", "broker:0", "host:port"),
        ("KAFKA_SECURITY_PROTOCOL", "tls", "sasl_ssl"),
        ("CLICKHOUSE_URL", "http://host", "chdb:///DIR"),
        ("SCHEMA_REGISTRY_URL", "host:8081", "http://host:8081"),
        ("CIDRS", "10.0.0.1/8=a", "host bits"),
        ("REGION", "eu\nwest", "control characters"),
        ("NODE_ID", "\x1b[2J", "control characters"),
        ("ZONE", "eu\n1a", "control characters"),
        ("ZONE", "ä" * 33, "over 64 bytes"),
        ("FLOW_BATCH_VERSION", "2", "'current' or '1'"),
    ],
)
def test_values_out_of_range_are_one_sentence(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingError) as caught:
        load_settings(environment={f"WEIR_{name}": value})
    sentence = str(caught.value)
    assert said in sentence and sentence.startswith(f"WEIR_{name}") and sentence.endswith(".") and sentence.isprintable()


def test_a_version_may_be_a_number_in_the_file(tmp_path: Path) -> None:
    assert load_settings(toml(tmp_path, "flow_batch_version = 1"), {}).settings.flow_batch_version == "1"


def test_a_value_in_the_file_is_blamed_on_the_file(tmp_path: Path) -> None:
    file = toml(tmp_path, "window_seconds = 0")
    with pytest.raises(SettingError, match=rf"^window_seconds in {file}=0 is not usable"):
        load_settings(file, {})


@pytest.mark.parametrize("name", ["WEIR_CLICKHOUSE_URL", "WEIR_SCHEMA_REGISTRY_URL"])
def test_a_refused_url_does_not_show_its_password(name: str) -> None:
    with pytest.raises(SettingError) as caught:
        load_settings(environment={name: "ftp://me:hunter2@host"})
    assert "hunter2" not in str(caught.value)


def test_a_sasl_protocol_needs_credentials() -> None:
    with pytest.raises(SettingError, match="WEIR_KAFKA_SASL_USERNAME and WEIR_KAFKA_SASL_PASSWORD"):
        load_settings(environment={"WEIR_KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "WEIR_KAFKA_SASL_USERNAME": "me"})


def test_every_setting_has_a_meaning_and_the_contracts_are_there() -> None:
    assert all(info.description for info in Settings.model_fields.values())
    fixed = (
        "KAFKA_BOOTSTRAP CLICKHOUSE_URL REGION NETWORK NODE_ID CGROUP WINDOW_SECONDS STATE_DIR SPOOL_BYTES HOLD_SECONDS"
        " GAP_SECONDS SKEW_MS DEDUP_SECONDS CIDRS"
    )
    assert {f"WEIR_{name}" for name in fixed.split()} <= {variable(field) for field in Settings.model_fields}
    settings = load_settings(environment={}).settings
    assert (settings.window_seconds, settings.hold_seconds, settings.skew_ms) == (10, 30, 250)
