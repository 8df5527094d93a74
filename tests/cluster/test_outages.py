"""Parts that are away: counting goes on, names that were known stay, and no name is wrong."""

from __future__ import annotations

import time

from tests.cluster.cluster import api_server_away, kubectl, listed, pod_ips, rolled_out
from tests.cluster.conftest import Say
from tests.cluster.installed import NAMESPACE as WEIR
from tests.cluster.shop.objects import NAMESPACE
from tests.cluster.shop.trade import Shop
from tests.cluster.tables import Tables
from tests.cluster.test_updates import assert_right
from tests.support.processes import wait_for

AWAY_SECONDS = 120


def test_the_api_server_away_for_two_minutes(shop: Shop, tables: Tables, seen: Say) -> None:
    with shop.trading() as trade:
        shop.until_answered(20, {"cluster-ip"}, 30)
        with api_server_away():
            shop.work_for(AWAY_SECONDS)
        kubectl("-n", NAMESPACE, "scale", "deployment/web", "--replicas=3")
        rolled_out(NAMESPACE, "deployment/web")
        shop.until_answered(100, {"cluster-ip"}, 60)
    assert_right(trade, seen, f"the API server away for {AWAY_SECONDS} s")
    addresses = tuple(pod_ips(NAMESPACE, "app=web"))
    rows = tables.ask("SELECT DISTINCT local_workload FROM weir.flows WHERE service_port = 80 AND local_ip IN %(ips)s", ips=addresses)
    assert rows == [("shop/web",)]
    kubectl("-n", NAMESPACE, "scale", "deployment/web", "--replicas=2")
    rolled_out(NAMESPACE, "deployment/web")


def test_the_watcher_that_leads_is_killed(shop: Shop, seen: Say) -> None:
    leader = _leader()
    with shop.trading() as trade:
        shop.until_answered(20, {"cluster-ip"}, 30)
        begin = time.monotonic()
        kubectl("-n", WEIR, "delete", "pod", leader, "--force", "--grace-period=0")
        wait_for(lambda: _leader() not in ("", leader), 60, f"another leader than {leader}", every=0.5)
        took = time.monotonic() - begin
        shop.until_answered(200, {"cluster-ip"}, 60)
        rolled_out(WEIR, "deployment/weir-watcher")
    assert_right(trade, seen, f"the watcher that leads killed, the other leads after {took:.0f} s")


def _leader() -> str:
    """The pod that holds the Lease."""
    holders = [str(lease["spec"].get("holderIdentity", "")) for lease in listed(WEIR, "leases.coordination.k8s.io")]
    pods = [pod["metadata"]["name"] for pod in listed(WEIR, "pods", "app.kubernetes.io/component=watcher")]
    return next((pod for pod in pods for holder in holders if holder.startswith(pod)), "")
