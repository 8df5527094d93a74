"""Laws of folding: nothing is lost, no more shapes than asked for, and the same map whatever the order of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.filter.parse import parse
from sinks.filter.rows import matches
from sinks.queries.namespaces import namespace_of
from streams.insights.ends import Fold, end_of, group_of
from streams.insights.folding import EDGE_LIMIT, REST, Asked, Folded, fold

SUMS = ("bytes", "before_bytes")
NAMES = (
    "",
    "shop/checkout",
    "shop/web",
    "pay/api",
    "payments",
    "payments-db",
    "payments-api",
    "node/n1",
    "pod/1f",
    "pod/2e",
    "web",
    "a*b c",
)
pair = st.fixed_dictionaries(
    {
        "client": st.sampled_from(NAMES),
        "server": st.sampled_from(NAMES),
        "domain": st.sampled_from(("", "cards.example", "mail.example")),
        "reason": st.sampled_from(("", "external", "gap")),
        "client_zone": st.sampled_from(("", "a", "b")),
        "server_zone": st.sampled_from(("", "a")),
        "bytes": st.integers(0, 2**40),
        "before_bytes": st.integers(0, 2**40),
    }
)
asked = st.builds(
    Asked,
    st.sampled_from(("auto", "none", "namespace", "zone", "prefix")),
    st.frozensets(st.sampled_from(("n:shop", "p:payments", "g:outside", "g:pod/", "z:a", "nowhere"))),
    st.integers(2, 14),
    st.sampled_from((("bytes",), SUMS)),
)
LEFT = {"pairs": 3, "bytes": 1_000, "before_bytes": 7}


def row(client: str, server: str, size: int = 5, client_zone: str = "", server_zone: str = "") -> dict[str, Any]:
    names = {"client": client, "server": server, "domain": "", "reason": "", "client_zone": client_zone, "server_zone": server_zone}
    return {**names, "bytes": size, "before_bytes": 0}


def table(rows: list[dict[str, Any]]) -> pa.Table:
    kinds = {name: pa.uint64() for name in SUMS}
    names = ("client", "server", "domain", "reason", "client_zone", "server_zone", *SUMS)
    return pa.table({name: pa.array([row[name] for row in rows], kinds.get(name, pa.string())) for name in names})


@given(st.lists(pair, max_size=60), asked)
def test_the_sum_of_the_edges_and_the_rest_is_the_whole(rows: list[dict[str, Any]], how: Asked) -> None:
    found = fold(table(rows), SUMS, how, LEFT)
    for name, true in (*((name, [row[name] for row in rows]) for name in SUMS), ("pairs", [1] * len(rows))):
        assert sum(found.edges.column(name).to_pylist()) + found.rest.column(name)[0].as_py() == sum(true) + LEFT[name]
    for at, key in enumerate(found.nodes.column("key").to_pylist()):
        touching = [edge for edge in found.edges.to_pylist() if at in (edge["source"], edge["target"])]
        assert found.nodes.column("bytes")[at].as_py() == sum(edge["bytes"] for edge in touching), key


@given(st.lists(pair, max_size=60), asked)
def test_there_are_no_more_shapes_than_asked_for_and_each_stands_for_its_members(rows: list[dict[str, Any]], how: Asked) -> None:
    found = fold(table(rows), SUMS, how, LEFT)
    assert found.nodes.num_rows <= how.limit
    keys = found.nodes.column("key").to_pylist()
    assert len(set(keys)) == len(keys)
    ends = {end_of(row["client"], "", row["reason"]).key for row in rows} | {
        end_of(row["server"], row["domain"], row["reason"]).key for row in rows
    }
    assert sum(found.nodes.column("members").to_pylist()) == len(ends)
    assert set(found.nodes.column("group").to_pylist()) <= how.opened | {""}
    assert (REST.key in keys) == ("rest" in found.nodes.column("kind").to_pylist())


@given(st.lists(pair, min_size=2, max_size=40), asked, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_is_nothing(rows: list[dict[str, Any]], how: Asked, random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    assert fold(table(rows), SUMS, how, LEFT) == fold(table(shuffled), SUMS, how, LEFT)


def test_edges_beyond_the_limit_are_the_rest_the_smallest_first() -> None:
    rows = [
        {
            "client": f"c{a}",
            "server": f"s{b}",
            "domain": "",
            "reason": "",
            "client_zone": "",
            "server_zone": "",
            "bytes": a * 20 + b + 1,
            "before_bytes": 0,
        }
        for a in range(20)
        for b in range(20)
    ]
    found = fold(table(rows), SUMS, Asked("none", frozenset(), 60, ("bytes",)), {})
    assert sorted(found.edges.column("bytes").to_pylist()) == list(range(201, 401))
    assert found.edges.num_rows == EDGE_LIMIT
    assert found.rest.to_pylist() == [{"edges": 200, "pairs": 200, "bytes": sum(range(1, 201)), "before_bytes": 0}]
    assert fold(table(rows), SUMS, Asked("none", frozenset(), 2_000, ("bytes",)), {}).edges.num_rows == 400


@pytest.mark.parametrize(
    ("names", "how", "wanted"),
    [
        (("shop/a", "shop/b", "pay/c"), "namespace", ["shop", "pay/c"]),
        (("payments-api", "payments-db", "web"), "prefix", ["payments", "web"]),
        (("payments-api", "web", "cart"), "prefix", ["cart", "payments-api", "web"]),
        (("shop/a", "shop/b"), "none", ["shop/a", "shop/b"]),
        (("shop/a", "shop/b"), "auto", ["shop/a", "shop/b"]),
        (("node/1", "node/2"), "prefix", ["nodes"]),
        (("a", "b", "c", "d"), "zone", ["z1", "z2"]),
    ],
)
def test_ends_fold_into_what_they_share(names: tuple[str, ...], how: Fold, wanted: list[str]) -> None:
    servers = [*names[1:], names[0]]
    rows = [
        {
            "client": one,
            "server": two,
            "domain": "",
            "reason": "",
            "client_zone": f"z{at % 2 + 1}",
            "server_zone": "",
            "bytes": 5,
            "before_bytes": 0,
        }
        for at, (one, two) in enumerate(zip(names, servers, strict=True))
    ]
    found = fold(table(rows), SUMS, Asked(how, frozenset(), 60, ("bytes",)), {})
    assert sorted(found.nodes.column("label").to_pylist()) == sorted(wanted)


def test_an_open_group_shows_its_members_and_nothing_else_changes() -> None:
    names = ("shop/a", "shop/b", "pay/c", "pay/d")
    rows = [row(one, two) for one in names for two in names]
    shut, opened = (
        by_key(fold(table(rows), SUMS, Asked("namespace", keys, 60, ("bytes",)), {})) for keys in (frozenset(), frozenset(["n:shop"]))
    )
    assert shut.keys() == {"n:shop", "n:pay"}
    assert opened.keys() == {"w:shop/a", "w:shop/b", "n:pay"}
    assert opened["n:pay"] == shut["n:pay"]
    assert {node["group"] for key, node in opened.items() if key.startswith("w:")} == {"n:shop"}


def test_a_workload_of_two_zones_stands_where_most_of_its_bytes_are() -> None:
    rows = [
        {
            "client": one,
            "server": "db",
            "domain": "",
            "reason": "",
            "client_zone": zone,
            "server_zone": "b",
            "bytes": size,
            "before_bytes": 0,
        }
        for one, zone, size in (("web", "a", 10), ("web", "b", 30), ("cart", "a", 1), ("mail", "a", 1), ("lost", "", 99), ("lost", "a", 1))
    ]
    found = by_key(fold(table(rows), SUMS, Asked("zone", frozenset(["z:b"]), 60, ("bytes",)), {}))
    assert {key: node["members"] for key, node in found.items()} == {"w:web": 1, "w:db": 1, "z:a": 3}


@settings(max_examples=20)
@given(st.sampled_from(NAMES[1:]))
def test_the_term_of_a_workload_is_a_filter_that_means_it_and_its_group_one_that_means_all_of_it(name: str) -> None:
    end = end_of(name, "", "")
    spaces = {f"{side}_namespace": namespace_of(name) for side in ("client", "server")}
    assert matches(parse(end.term), {"client": name, "server": ""})
    assert not matches(parse(end.term), {"client": f"{name}-2", "server": ""})
    assert matches(parse(group_of(end, "", "prefix").term), {"client": name, "server": "", **spaces})


def test_two_thousand_workloads_are_one_shape_a_namespace() -> None:
    pairs = 20_000
    random = np.random.default_rng(1)
    names = np.array([f"ns{n % 40}/w{n}" for n in range(2_000)])
    columns = {name: names[random.integers(0, 2_000, pairs)] for name in ("client", "server")}
    blank = {name: [""] * pairs for name in ("domain", "reason", "client_zone", "server_zone")}
    rows = pa.table({**columns, **blank, **{name: random.integers(0, 2**40, pairs).astype(np.uint64) for name in SUMS}})
    assert fold(rows, SUMS, Asked("auto", frozenset(), 60, SUMS), {}).nodes.num_rows == 40


def by_key(found: Folded) -> dict[str, dict[str, Any]]:
    return {node["key"]: node for node in found.nodes.to_pylist()}
