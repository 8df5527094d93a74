"""What the doctor makes of what it finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.processes import run_weir
from weir.doctor.console import check_console
from weir.doctor.node import NET_ADMIN, SYS_ADMIN, check_bpffs, check_kernel, check_privileges
from weir.doctor.servers import check_clock, check_skew
from weir.settings.catalogue import Settings


@pytest.mark.parametrize(
    ("release", "fit"), [("6.1.0-50-cloud-amd64", True), ("5.10", True), ("5.9.16", False), ("4.19.0", False), ("7.0-rc1", True)]
)
def test_old_kernels_are_unfit(release: str, fit: bool) -> None:
    finding = check_kernel(release)
    assert (finding.fit, bool(finding.remedy)) == (fit, not fit)


def status(*bits: int) -> str:
    return f"Name:\tweir\nCapEff:\t{sum(1 << bit for bit in bits):016x}\nSeccomp:\t0\n"


def test_missing_capabilities_are_named() -> None:
    assert check_privileges(status(NET_ADMIN, SYS_ADMIN)).fit
    some = check_privileges(status(NET_ADMIN))
    assert not some.fit and "without CAP_SYS_ADMIN" in some.found and "as root" in some.remedy
    assert not check_privileges("Name:\tweir\n").fit


def test_bpffs_is_fit_where_it_is_mounted_or_can_be() -> None:
    mounted = "sysfs /sys sysfs rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0\n"
    assert check_bpffs(mounted, may_mount=False).fit
    assert check_bpffs("", may_mount=True).fit
    unfit = check_bpffs("tmpfs /sys/fs/bpf tmpfs rw 0 0\n", may_mount=False)
    assert (unfit.fit, unfit.remedy) == (False, "mount -t bpf bpf /sys/fs/bpf")


def test_clocks() -> None:
    assert check_clock().fit
    assert check_skew(-0.9).fit
    assert check_skew(1.5).remedy == "run NTP (chrony) on both machines"


def test_doctor_names_every_part_and_fails_for_a_server_that_is_away() -> None:
    done = run_weir(
        "doctor",
        "--format",
        "json",
        settings={"kafka_bootstrap": "127.0.0.1:9", "clickhouse_url": "clickhouse://127.0.0.1:9/weir"},
        status=1,
    )
    found = {row["part"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert {"kernel", "privileges", "cgroup", "headers", "Kafka", "topics", "ClickHouse", "tables", "clock"} <= found.keys()
    assert (found["Kafka"]["fit"], found["ClickHouse"]["fit"]) == (False, False)
    assert "127.0.0.1:9" in found["Kafka"]["remedy"] and "127.0.0.1:9" in found["ClickHouse"]["remedy"]


def test_a_console_that_would_not_start_is_said() -> None:
    assert check_console(Settings()).fit
    public = check_console(Settings(console_listen="0.0.0.0:8470"))  # noqa: S104
    assert public.fit is False and "WEIR_CONSOLE_ACCESS" in public.remedy
    assert "cannot be read" in check_console(Settings(console_access=Path("/none"))).remedy


def test_parts_that_no_setting_asks_for_are_not_needed() -> None:
    done = run_weir("doctor", "--for", "worker", "--format", "json")
    found = {row["part"]: row["fit"] for row in map(json.loads, done.stdout.splitlines())}
    assert found == {"Kafka": None, "topics": None, "group": None, "ClickHouse": None, "tables": None, "clock": True}
