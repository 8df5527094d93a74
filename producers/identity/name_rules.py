"""Workload names: what a cgroup path says, what a names file says instead, and what a name may contain."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from schemas.errors import SettingError
from schemas.names import NAME_BYTES

POD_PREFIX = "pod/"
"""Of the name that a pod has until Kubernetes has told its workload; its uid follows."""
_POD = re.compile(r"(?:^|[/-])pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?=[/:]|$)")
_CONTAINER = re.compile(r"(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?=/|$)")
_UNIT = re.compile(r"(?:^|/)([^/]+)\.service(?=/|$)")


@dataclass(frozen=True)
class NameRule:
    """A shell-style pattern over the cgroup's path as /proc/PID/cgroup shows it; `*` crosses slashes."""

    pattern: str
    workload: str


def name_of(relative: str) -> str:
    """The workload that a cgroup path below the agent's root speaks of ("" is the root itself, and has no name here).

    A pod outranks its containers, since they share one address; a container outranks the unit that runs it;
    of nested units the innermost counts; whatever is none of these goes by its path.
    """
    if uid := pod_of(relative):
        return POD_PREFIX + uid
    if containers := _CONTAINER.findall(relative):
        return f"container/{containers[-1][:12]}"
    if units := _UNIT.findall(relative):
        return clean(units[-1])
    return clean(relative)


def pod_of(relative: str) -> str:
    """The uid of the pod that a cgroup belongs to, as Kubernetes prints it; empty: to none."""
    pod = _POD.search(relative)
    return pod[1].replace("_", "-") if pod else ""  # systemd's slices write underscores for its dashes


def clean(name: str) -> str:
    """A name fit for the wire: control characters percent-encoded, over-long names cut and told apart by a digest."""
    safe = "".join(c if c.isprintable() else "".join(f"%{b:02X}" for b in c.encode("utf-8", "surrogateescape")) for c in name)
    raw = safe.encode()
    if len(raw) <= NAME_BYTES:
        return safe
    digest = hashlib.sha256(raw).hexdigest()[:16]
    return raw[: NAME_BYTES - 17].decode(errors="ignore") + "~" + digest


def load_names(path: Path | None) -> tuple[NameRule, ...]:
    """The rules of a names file, in their order. Raises SettingError, which names the file and the entry."""
    if path is None:
        return ()
    import tomllib  # Most agents have no names file, and keep the room.

    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise SettingError(f"Names file {path} cannot be read ({error.strerror}); create it, or unset WEIR_NAMES_FILE.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"Names file {path} is not valid TOML ({error}); correct that line.") from error
    if unknown := sorted(set(document) - {"names"}):
        raise SettingError(f"Names file {path} has the unknown key {unknown[0]!r}; it may only hold [[names]] entries.")
    entries = document.get("names", [])
    if not isinstance(entries, list):
        raise SettingError(f"Names file {path} has names = {entries!r}; write each rule as a [[names]] entry.")
    return tuple(_rule(path, number, entry) for number, entry in enumerate(entries, start=1))


def _rule(path: Path, number: int, entry: Any) -> NameRule:
    where = f"Names file {path}, entry {number}"
    if not isinstance(entry, dict):
        raise SettingError(f"{where} is {entry!r}; it must be a [[names]] table with pattern and workload.")
    if unknown := sorted(set(entry) - {"pattern", "workload"}):
        raise SettingError(f"{where} has the unknown key {unknown[0]!r}; only pattern and workload are known.")
    for key in ("pattern", "workload"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise SettingError(f"{where} has {key} = {entry.get(key)!r}; give it a text that is not empty.")
    if entry["pattern"].count("[") != entry["pattern"].count("]"):
        raise SettingError(f"{where} has a bracket that is never closed in its pattern {entry['pattern']!r}; close it, or write [[] for [.")
    if clean(entry["workload"]) != entry["workload"]:
        start = entry["workload"][:40]
        raise SettingError(f"{where} has the workload {start!r} with control characters or over {NAME_BYTES} bytes; give it a plain name.")
    return NameRule(entry["pattern"], entry["workload"])


def first_match(rules: tuple[NameRule, ...], path: str) -> str | None:
    return next((rule.workload for rule in rules if fnmatchcase(path, rule.pattern)), None)
