"""Zones as three clouds tell them, by fakes on loopback, and machines of these clouds by their firmware."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.zone.clouds import CLOUDS, cloud_of
from producers.zone.http_client import ask
from tests.producers.zone.fake_metadata import Answer, Asked, Says, aws, azure, fake_metadata, gcp


def zone(name: str, says: Says) -> str:
    with fake_metadata(says) as server:
        return CLOUDS[name].zone(partial(ask, server.address))


@pytest.mark.parametrize(
    ("name", "says", "expected"), [("aws", aws, "use1-az2"), ("gcp", gcp, "us-central1-a"), ("azure", azure, "westeurope-1")]
)
def test_each_cloud_tells_its_zone(name: str, says: Says, expected: str) -> None:
    assert zone(name, says) == expected


def test_a_machine_in_no_zone_of_azure_has_none() -> None:
    assert zone("azure", partial(azure, zone="")) == ""


def test_without_a_token_aws_is_asked_for_nothing_more() -> None:
    with fake_metadata(lambda asked: Answer(403)) as server, pytest.raises(ValueError, match="status '403"):
        CLOUDS["aws"].zone(partial(ask, server.address))
    assert [(asked.method, asked.path) for asked in server.asked] == [("PUT", "/latest/api/token")]


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize(
    "text",
    ["<html><body>Sign in to the network</body></html>", "a zone", "z" * 65, "zo\nne", "", " ", "[" * 50_000, "[null]", '{"zone": 1}', "é"],
)
def test_what_is_no_zone_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError):
        zone(name, lambda asked: Answer(200, text))


@given(st.text(max_size=100))
def test_a_zone_is_a_plain_name_or_refused(text: str) -> None:
    def says(method: str, path: str, fields: object) -> str:
        return text

    for cloud in CLOUDS.values():
        try:
            found = cloud.zone(says)
        except ValueError:
            continue
        assert found == "" or (found.isascii() and found.isprintable() and " " not in found and len(found) <= 64)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"sys_vendor": "Amazon EC2", "product_name": "m7g.large"}, "aws"),
        ({"sys_vendor": "Xen", "product_name": "HVM domU", "bios_version": "4.11.amazon"}, "aws"),
        ({"sys_vendor": "Google", "product_name": "Google Compute Engine"}, "gcp"),
        (
            {
                "sys_vendor": "Microsoft Corporation",
                "product_name": "Virtual Machine",
                "chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77",
            },
            "azure",
        ),
        ({"sys_vendor": "Microsoft Corporation", "product_name": "Virtual Machine", "chassis_asset_tag": "1-2"}, None),
        ({"sys_vendor": "Google", "product_name": "Eve"}, None),
        ({"sys_vendor": "Xen", "product_name": "HVM domU", "bios_version": "4.17"}, None),
        ({"sys_vendor": "QEMU"}, None),
        ({}, None),
    ],
)
def test_the_firmware_says_whose_machine_it_is(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n")
    assert cloud_of(tmp_path) is (CLOUDS[expected] if expected else None)


def test_asking_is_asking_for_what_the_fakes_know() -> None:
    """The fakes refuse what the real services refuse: a wrong path, a missing field."""
    nothing: Asked = Asked("GET", "/", {})
    assert {says(nothing).status for says in (aws, gcp, azure)} == {400, 401, 403}
