"""Every edge of the shop has its name and its bytes, on whatever way it is called."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.cluster.cluster import NODES, REGION, ZONES, kubectl, listed
from tests.cluster.conftest import Say
from tests.cluster.shop.collector import Edge, Sums
from tests.cluster.shop.objects import NAMESPACE
from tests.cluster.shop.trade import NAMES, Shop, Trade
from tests.cluster.tables import Tables
from tests.support.processes import ROOT, wait_for


@pytest.fixture(scope="module")
def trade(shop: Shop) -> Iterator[Trade]:
    """A little more than a minute's, so that the CronJob's turn is in it."""
    with shop.trading() as trade:
        shop.until_answered(3, {edge.name for edge in NAMES}, 90)
    yield trade


@pytest.mark.parametrize("edge", NAMES, ids=lambda edge: f"{edge.caller} by {edge.name}")
def test_an_edge_has_its_name_and_no_other(trade: Trade, edge: Edge) -> None:
    assert set(trade.counted[edge]) == {NAMES[edge]}


def test_bytes_are_those_that_the_pods_say_they_sent_and_received(trade: Trade, seen: Say) -> None:
    assert set(trade.said) == set(NAMES)
    assert trade.wrong_bytes() == []
    whole = sum(trade.said.values(), Sums())
    seen(f"{whole.requests} requests on {len(trade.said)} edges: {whole.sent + whole.received} payload bytes said, and counted")


def test_the_question_of_the_first_page_is_answered_in_a_workers_pod(trade: Trade) -> None:
    """The last of the ten lines of docs/kubernetes.md."""
    found = re.search(r'weir-worker-0 -- weir query "(.+)"\n```', (ROOT / "docs" / "kubernetes.md").read_text())
    assert found is not None
    said = kubectl("-n", "weir", "exec", "weir-worker-0", "--", "weir", "query", found[1], "--format", "json")
    rows = [json.loads(line) for line in said.splitlines()]
    edges = {(row["client"], row["server"], row["server_service"]) for row in rows if int(row["sent"])}
    assert ("shop/web", "shop/catalog", "shop/catalog") in edges


def test_no_byte_is_counted_in_both_views(trade: Trade) -> None:
    assert trade.counted_again == 0


def test_servers_name_their_callers(trade: Trade, tables: Tables) -> None:
    """Where the address of the caller is kept on its way: not through a node's port, and not from a node's own network. A pod that lives
    for less than clocks may be apart, as the CronJob's, is not named to others.
    """
    callers = {(server, caller) for server, caller in tables.served() if caller.startswith(f"{NAMESPACE}/")}
    assert callers - {("shop/catalog", "shop/stock")} == {
        ("shop/catalog", "shop/web"),
        ("shop/search", "shop/web"),
        ("shop/cards", "shop/web"),
        ("shop/cards", "shop/mover"),
        ("shop/vouchers", "shop/web"),
        ("shop/names", "shop/web"),
        ("shop/database", "shop/catalog"),
    }


def test_both_ends_have_the_zone_of_their_node(trade: Trade, tables: Tables) -> None:
    """The zone of a far end is known where a node told of it: of a pod's own address, not of a Service's."""
    places = set(tables.ask("SELECT node_id, local_zone, region FROM weir.flows WHERE local_zone != ''"))
    assert {(node, zone) for node, zone, _ in places} == set(ZONES.items())
    direct = "local_workload = 'shop/web' AND service_port = 8080 AND canonical"
    far = tables.ask(f"SELECT DISTINCT remote_node_id, remote_zone FROM weir.flows WHERE {direct}")  # noqa: S608
    assert set(far) == {(pod["spec"]["nodeName"], ZONES[pod["spec"]["nodeName"]]) for pod in listed(NAMESPACE, "pods", "app=search")}


def test_workloads_have_their_kind_and_labels(trade: Trade, tables: Tables) -> None:
    wanted = {
        ("shop/web", "Deployment", "shop"),
        ("shop/database", "StatefulSet", "shop"),
        ("shop/probe", "DaemonSet", "shop"),
        ("shop/stock", "CronJob", "shop"),
    }

    def known() -> bool:
        return wanted <= {tuple(row) for row in tables.ask("SELECT name, kind, namespace FROM weir.workloads")}

    wait_for(known, 60, "the shop's workloads", every=0.5)
    labels = tables.ask("SELECT labels['team'] FROM weir.workloads WHERE name = 'shop/web' ORDER BY start DESC LIMIT 1")
    assert labels == [("storefront",)]


def test_nodes_have_their_zone_region_and_labels(trade: Trade, tables: Tables) -> None:
    def known() -> list[tuple[object, ...]]:
        label = "labels['kubernetes.io/hostname']"
        rows = tables.ask(f"SELECT node_id, zone, region, {label} FROM weir.nodes WHERE {label} != '' ORDER BY node_id")  # noqa: S608
        return rows if len(rows) == len(NODES) else []

    assert wait_for(known, 60, "both nodes", every=0.5) == [(node, ZONES[node], REGION, node) for node in NODES]
