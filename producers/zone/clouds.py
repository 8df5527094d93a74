"""Clouds: how a machine is known as one of theirs, and how their metadata service tells the zone.

Which cloud it is, the firmware says (DMI), so that a machine of none of them sends nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

DMI = Path("/sys/class/dmi/id")
METADATA_ADDRESS = ("169.254.169.254", 80)
"""The same in all three clouds: link-local, answered by the host beneath the machine."""

Ask = Callable[[str, str, Mapping[str, str]], str]
"""Method, path and header fields to the answer's text. Raises OSError or ValueError."""

_ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Cloud:
    name: str
    read_zone: Callable[[Ask], str]

    def zone(self, ask: Ask) -> str:
        """The zone's name, empty where the machine is in none. Raises OSError or ValueError where the service does not tell."""
        zone = self.read_zone(ask)
        if zone and not _ZONE.fullmatch(zone):
            raise ValueError(f"{ascii(zone[:40])} is no zone's name")
        return zone


def _aws(ask: Ask) -> str:
    """The zone's id (use1-az1): its name (us-east-1a) stands for another zone in another account."""
    token = ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    return _something(ask("GET", "/latest/meta-data/placement/availability-zone-id", {"X-aws-ec2-metadata-token": token}))


def _gcp(ask: Ask) -> str:
    """The last part of projects/NUMBER/zones/us-central1-a."""
    return _something(ask("GET", "/computeMetadata/v1/instance/zone", {"Metadata-Flavor": "Google"}).rpartition("/")[2])


def _azure(ask: Ask) -> str:
    """westeurope-1: zones are numbered within a region. A machine that was put into no zone has an empty number."""
    try:
        compute = json.loads(ask("GET", "/metadata/instance/compute?api-version=2021-02-01", {"Metadata": "true"}))
    except RecursionError:
        raise ValueError("the answer is nested too deep") from None
    found = (compute.get("location"), compute.get("zone")) if isinstance(compute, dict) else (None, None)
    if not all(isinstance(part, str) for part in found):
        raise ValueError("the answer holds no location and zone")
    location, zone = found
    return f"{location}-{zone}" if zone else ""


def _something(text: str) -> str:
    if not text.strip():
        raise ValueError("the answer is empty")
    return text.strip()


CLOUDS = {"aws": Cloud("AWS", _aws), "gcp": Cloud("Google Cloud", _gcp), "azure": Cloud("Azure", _azure)}


def cloud_of(dmi: Path = DMI) -> Cloud | None:
    """The cloud that this machine belongs to, by its firmware; None: none of these."""
    if _read(dmi / "sys_vendor") == "Amazon EC2" or "amazon" in _read(dmi / "bios_version"):  # the latter on Xen
        return CLOUDS["aws"]
    if _read(dmi / "product_name") == "Google Compute Engine":
        return CLOUDS["gcp"]
    if _read(dmi / "chassis_asset_tag") == "7783-7084-3265-9085-8269-3286-77":  # not of Hyper-V elsewhere
        return CLOUDS["azure"]
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
