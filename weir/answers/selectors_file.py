"""A file of selectors: what a user says of a cluster where its labels do not: labels of workloads, ranges, and what is always allowed."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.errors import SettingError
from streams.insights.segments.always import Always, in_namespace
from streams.insights.segments.identities import LABEL_VALUE
from streams.insights.segments.policy import Pods, Selector
from weir.settings.toml_file import load_toml

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Given:
    """`labels`: by workload. `ranges`: CIDRs by name."""

    labels: Mapping[str, Labels] = field(default_factory=dict)
    ranges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    always: Always = field(default_factory=Always)


def read_selectors(path: Path) -> Given:
    """Raises SettingError."""
    found = load_toml(path, called=f"--selectors {path}", remedy="name a file that this user may read", example="docs/answers.md")
    try:
        _check_keys("the file", found, {"workloads", "ranges", "always"})
        labels = {name: _labels(f"workloads.{name}", given) for name, given in _table("workloads", found.get("workloads", {})).items()}
        ranges = {name: _cidrs(f"ranges.{name}", given) for name, given in _table("ranges", found.get("ranges", {})).items()}
        return Given(labels, ranges, _always(_table("always", found.get("always", {}))))
    except ValueError as error:
        raise SettingError(f"--selectors {path} is wrong: {error}.") from None


def _always(given: dict[str, Any]) -> Always:
    _check_keys("always", given, {"names", "api_server", "nodes", "scrapers", "ingress", "metadata"})
    own = Always()
    metadata = given.get("metadata", own.metadata)
    if not isinstance(metadata, bool):
        raise ValueError("always.metadata is neither true nor false; write one of them")
    return Always(
        (*_pods("always.names", given["names"]), own.names[-1]) if "names" in given else own.names,
        _cidrs("always.api_server", given.get("api_server", [])),
        _cidrs("always.nodes", given.get("nodes", [])),
        _pods("always.scrapers", given.get("scrapers", [])),
        _pods("always.ingress", given.get("ingress", [])),
        metadata,
    )


def _pods(name: str, given: object) -> tuple[Pods, ...]:
    if not isinstance(given, list):
        raise ValueError(f'{name} is no list; write [{{namespace = "monitoring", labels = {{app = "prometheus"}}}}]')
    found = []
    for one in given:
        table = _table(name, one)
        _check_keys(name, table, {"namespace", "labels"})
        if not isinstance(table.get("namespace"), str) or not LABEL_VALUE.fullmatch(table["namespace"]):
            raise ValueError(f"{name} has an entry without a namespace; name it")
        found.append(Pods(Selector(tuple(sorted(_labels(name, table.get("labels")).items()))), in_namespace(table["namespace"])))
    return tuple(found)


def _labels(name: str, given: object) -> dict[str, str]:
    found = _table(name, given)
    for key, value in found.items():
        if not all(part and LABEL_VALUE.fullmatch(part) for part in key.split("/")[-1:]) or not LABEL_VALUE.fullmatch(str(value)):
            raise ValueError(f'{name} has {key!r} = {value!r}, which is no label; write app = "web"')
    if not found:
        raise ValueError(f"{name} has no labels, and would select every pod; name some")
    return {key: str(value) for key, value in found.items()}


def _cidrs(name: str, given: object) -> tuple[str, ...]:
    if not isinstance(given, list):
        raise ValueError(f'{name} is no list; write ["10.0.0.0/16"]')
    return tuple(str(ipaddress.ip_network(str(one))) for one in given)


def _table(name: str, given: object) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{name} is no table; write [{name}]")
    return given


def _check_keys(name: str, given: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"{name} has {unknown[0]!r}, which is not known; known are {', '.join(sorted(known))}")
