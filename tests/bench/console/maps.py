"""Answers of /groups for maps of any size, the same ones each time: what the page is measured with, without an engine behind it."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SEED = 23
EDGES_FOLDED = 200
Sums = dict[tuple[str, str], Counter[str]]
Columns = dict[str, list[Any]]
SPAN = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}


@dataclass(frozen=True)
class Pair:
    client: str
    server: str
    bytes: int
    opened: int
    failed: int = 0
    before_bytes: int = 0

    @property
    def fails(self) -> int:
        """As streams/insights/failing.py has it."""
        return int(self.failed >= 3 and self.failed >= 0.01 * (self.opened + self.failed))


def fleet(workloads: int = 2_000, pairs: int = 5_000, namespaces: int = 58) -> list[Pair]:
    """Workloads in namespaces of very different sizes; most call their own namespace, some a neighbour or what all share."""
    rng = random.Random(SEED)
    sizes = [1 / (place + 3) for place in range(namespaces)]
    names = [f"{_word(at)}/{_word(at * 7 + 3)}-{number}" for number, at in enumerate(rng.choices(range(namespaces), sizes, k=workloads))]
    homes: dict[str, list[str]] = defaultdict(list)
    for name in names:
        homes[name.partition("/")[0]].append(name)
    shared = names[:12]
    found: dict[tuple[str, str], Pair] = {}
    while len(found) < pairs:
        client = names[len(found) % workloads] if len(found) < workloads else rng.choice(names)
        where = rng.random()
        server = rng.choice(homes[client.partition("/")[0]] if where < 0.7 else shared if where < 0.9 else names)
        size = int(rng.paretovariate(0.7) * 1_000)
        failed = rng.randrange(1, 40) if rng.random() < 0.004 else 0
        found[client, server] = Pair(client, server, size, rng.randrange(1, 500), failed, size * rng.choice((0, 1, 1, 1, 3)))
    return list(found.values())


def star(callers: int, name: str = "hub") -> list[Pair]:
    """All shapes but one stand in one column."""
    return [Pair(f"a-caller-with-a-name-that-is-rather-long-{at:02d}", name, 1_000 * (at + 1), 10) for at in range(callers)]


def answer(pairs: Iterable[Pair], fold: str = "none", opened: Iterable[str] = (), compare: bool = False) -> dict[str, Any]:
    """As the API gives it: shapes, edges between them, and the rest where there are more edges than a folded map has."""
    shown = frozenset(opened)
    sums: Sums = defaultdict(Counter)
    for pair in pairs:
        ends = _shape(pair.client, fold, shown), _shape(pair.server, fold, shown)
        sums[ends].update(bytes=pair.bytes, opened=pair.opened, failed=pair.failed, before=pair.before_bytes, pairs=1, failing=pair.fails)
    ranked = sorted(sums, key=lambda ends: (-sums[ends]["bytes"], ends))
    edges = ranked if fold == "none" else ranked[:EDGES_FOLDED]
    keys = list(dict.fromkeys(key for ends in ranked for key in ends))
    members = Counter(_shape(name, fold, shown) for name in {name for pair in pairs for name in (pair.client, pair.server)})
    data = {"nodes": _nodes(keys, sums, members, shown), "edges": _edges(edges, keys, sums, compare)}
    total = sum((sums[ends]["bytes"] for ends in ranked), 0)
    left = sum((sums[ends]["bytes"] for ends in ranked[len(edges) :]), 0)
    meta: dict[str, Any] = {
        **SPAN, "table": "edges_1h", "step": None, "complete_until": SPAN["to"], "lost": {"flows": 0, "packets": 0, "bytes": 0},
        "unnamed": 0.0, "other": {}, "total": {"bytes": total}, "groups": len(edges), "sql": "", "warnings": [], "generation": "1",
        "fold": fold, "rest": {"edges": len(ranked) - len(edges), "bytes": left},
    }  # fmt: skip
    return {"data": data, "meta": meta}


def _shape(name: str, fold: str, opened: frozenset[str]) -> str:
    space, slash, _ = name.partition("/")
    group = f"n:{space}"
    return group if fold == "namespace" and slash and group not in opened else f"w:{name}"


def _nodes(
    keys: list[str], sums: dict[tuple[str, str], Counter[str]], members: Counter[str], opened: frozenset[str]
) -> dict[str, list[Any]]:
    own: dict[str, Counter[str]] = defaultdict(Counter)
    for ends, counts in sums.items():
        for key in set(ends):
            own[key].update(counts)
    groups = [f"n:{key[2:].partition('/')[0]}" for key in keys]
    return {
        "key": keys,
        "label": [key[2:] for key in keys],
        "kind": ["group" if key.startswith("n:") else "workload" for key in keys],
        "group": [group if group in opened and key.startswith("w:") else "" for key, group in zip(keys, groups, strict=True)],
        "members": [members[key] for key in keys],
        "bytes": [own[key]["bytes"] for key in keys],
        "connections_failed": [own[key]["failed"] for key in keys],
        "before_bytes": [own[key]["before"] for key in keys],
    }


def _edges(edges: list[tuple[str, str]], keys: list[str], sums: Sums, compare: bool) -> Columns:
    row = {key: at for at, key in enumerate(keys)}
    columns: Columns = {
        "source": [row[client] for client, _ in edges],
        "target": [row[server] for _, server in edges],
        "pairs": [sums[ends]["pairs"] for ends in edges],
        "bytes": [sums[ends]["bytes"] for ends in edges],
        "connections_opened": [sums[ends]["opened"] for ends in edges],
        "connections_failed": [sums[ends]["failed"] for ends in edges],
        "failing_pairs": [sums[ends]["failing"] for ends in edges],
    }
    if compare:
        columns["before_bytes"] = [sums[ends]["before"] for ends in edges]
        columns["status"] = [_status(sums[ends]) for ends in edges]
    return columns


def _status(counts: Counter[str]) -> str:
    if counts["before"] == 0:
        return "new"
    if counts["failed"]:
        return "failing"
    return "more" if counts["bytes"] > 1.5 * counts["before"] else "less" if counts["bytes"] * 1.5 < counts["before"] else ""


_FIRST = ("pay", "cart", "mail", "auth", "edge", "ship", "risk", "user", "feed", "logs")
_SECOND = ("ments", "system", "tools", "api", "data", "front", "core")


def _word(number: int) -> str:
    return f"{_FIRST[number % len(_FIRST)]}{_SECOND[number // len(_FIRST) % len(_SECOND)]}"
