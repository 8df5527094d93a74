"""infra/compose.yaml: what it names exists, and its shop is the demo's."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from producers.identity.name_rules import load_names
from tests.infra.charts import tool
from tests.support.processes import ROOT
from weir.cli import COMMANDS
from weir.demo.topology import SERVICES
from weir.settings.catalogue import Settings

FILE = ROOT / "infra" / "compose.yaml"
NAMES = {f"WEIR_{field.upper()}" for field in Settings.model_fields}
SHOP = {service.name for service in SERVICES}


@cache
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


def own() -> dict[str, dict[str, Any]]:
    """The services that run weir's images, without the shop."""
    return {name: each for name, each in compose()["services"].items() if each["image"].startswith("weir-") and name not in SHOP}


def test_docker_compose_reads_it() -> None:
    """By the library that `docker compose config` reads with."""
    done = subprocess.run([str(tool("compose-check")), str(FILE)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == compose()["services"].keys()


def test_docker_compose_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {agent: {image: weir, capabilities_add: [BPF]}}\n")
    done = subprocess.run([str(tool("compose-check")), str(tmp_path / "compose.yaml")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "capabilities_add" in done.stderr


def test_every_service_of_weirs_has_settings_that_it_accepts_and_a_command() -> None:
    assert own().keys() == {"topics", "migrate", "worker", "detector", "console", "agent"}
    for each in own().values():
        assert each["environment"].keys() <= NAMES
        assert Settings(**{name.removeprefix("WEIR_").lower(): value for name, value in each["environment"].items()}).kafka_bootstrap
        assert each["command"][0] in COMMANDS


def test_images_are_of_this_version_and_none_is_whatever_is_latest() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    for name, each in compose()["services"].items():
        repository, _, tag = each["image"].partition(":")
        assert tag and "latest" not in tag
        if repository.startswith("weir-"):
            assert each["image"] == f"{'weir-agent' if name == 'agent' else 'weir-worker'}:${{WEIR_TAG:-{version[1]}}}"


def test_who_waits_for_whom_and_which_volumes_are_mounted_exists() -> None:
    services = compose()["services"]
    for each in services.values():
        for other, condition in each.get("depends_on", {}).items():
            assert other in services
            assert ("healthcheck" in services[other]) or condition["condition"] != "service_healthy"
        for volume in each.get("volumes", []):
            source = volume["source"] if isinstance(volume, dict) else volume.partition(":")[0]
            assert source in compose()["volumes"] or source.startswith("/") or (FILE.parent / source).is_file()


def test_weir_and_its_shop_write_nothing_to_their_images_and_give_up_every_right_but_the_agents() -> None:
    for name, each in compose()["services"].items():
        if each["image"].startswith("weir-"):
            assert each["read_only"] is True and each["cap_drop"] == ["ALL"]
            assert ("cap_add" in each) == (name == "agent") and "privileged" not in each


def test_the_console_is_published_to_this_machine_alone() -> None:
    (published,) = own()["console"]["ports"]
    address, _, ports = published.partition(":")
    assert address == "127.0.0.1"
    port = Settings().console_listen.rpartition(":")[2]
    assert ports == f"{port}:{port}" and f"0.0.0.0:{port}" in own()["console"]["command"]


def test_the_agent_has_the_capabilities_that_the_chart_gives_it() -> None:
    values = yaml.safe_load((ROOT / "infra" / "helm" / "weir" / "values.yaml").read_text())
    assert own()["agent"]["cap_add"] == values["agent"]["capabilities"]


def test_the_shop_is_the_demos_and_each_of_it_is_told_where_the_others_are() -> None:
    services = compose()["services"]
    assert services.keys() >= SHOP
    (subnet,) = (ip_network(config["subnet"]) for config in compose()["networks"]["shop"]["ipam"]["config"])
    given = {name: services[name]["networks"]["shop"]["ipv4_address"] for name in SHOP}
    assert len(set(given.values())) == len(SHOP) and all(ip_address(address) in subnet for address in given.values())
    for name in SHOP:
        first, addresses = services[name]["command"]
        assert first == name
        assert json.loads(addresses) == {other: [address, address] for other, address in given.items()}
        assert services[name]["entrypoint"] == ["/usr/bin/python3", "-m", "weir.demo.services", "--now"]


def test_every_container_of_the_shop_has_its_name_by_its_cgroup() -> None:
    """Under both of Docker's cgroup drivers: systemd nests slices by their names, cgroupfs takes the name as it is."""
    rules = load_names(ROOT / "infra" / "compose" / "names.toml")
    assert {rule.workload for rule in rules} == SHOP
    container = "0" * 64
    for name in SHOP:
        parent = compose()["services"][name]["cgroup_parent"]
        for path in (f"/shop.slice/{parent}/docker-{container}.scope", f"/{parent}/{container}"):
            assert [rule.workload for rule in rules if re.fullmatch(rule.pattern.replace("*", ".*"), path)] == [name]
