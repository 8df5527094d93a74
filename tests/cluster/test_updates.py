"""What changes in the cluster under traffic: no wrong name, and no byte lost."""

from __future__ import annotations

from tests.cluster.cluster import gone, kubectl, patch, rolled_out
from tests.cluster.conftest import Say
from tests.cluster.shop.collector import Edge, Sums
from tests.cluster.shop.objects import NAMESPACE
from tests.cluster.shop.trade import COARSE, NAMES, Shop, Trade
from tests.cluster.tables import Names, Tables, total

TO_CATALOG = [edge for edge, named in NAMES.items() if named.workload == "shop/catalog"]


def assert_right(trade: Trade, seen: Say, what: str) -> None:
    """Every byte is there; every name is a true one; the share without a name is told."""
    assert trade.wrong_bytes() == []
    assert trade.counted_again == 0
    for edge in trade.said:
        names = trade.counted.get(edge, {})
        true = {"", NAMES[edge].workload, COARSE.get(edge.name, "")}
        wrong = {named: sums for named, sums in names.items() if named.workload not in true}
        assert not wrong, f"{edge}: {wrong}"
    shares = {edge.name: trade.unnamed(edge) for edge in trade.said if NAMES[edge].workload}
    nameless = {name: f"{share:.1%}" for name, share in shares.items() if share}
    whole = sum(trade.said.values(), Sums())
    told = f"{whole.requests} requests, {whole.failed} failed, {trade.retransmits} segments sent again"
    seen(f"{what}: {told}; without a name: {nameless or 'none'}")


def test_a_rolling_update_and_a_scale_up_under_traffic(shop: Shop, seen: Say) -> None:
    with shop.trading() as trade:
        shop.until_answered(20, {"cluster-ip"}, 30)
        kubectl("-n", NAMESPACE, "rollout", "restart", "deployment/catalog")
        rolled_out(NAMESPACE, "deployment/catalog")
        gone(NAMESPACE, "app=catalog")
        kubectl("-n", NAMESPACE, "scale", "deployment/catalog", "--replicas=4")
        rolled_out(NAMESPACE, "deployment/catalog")
        shop.until_answered(100, {edge.name for edge in TO_CATALOG if edge.name != "cron-job"}, 60)
        kubectl("-n", NAMESPACE, "scale", "deployment/catalog", "--replicas=2")
        gone(NAMESPACE, "app=catalog")
        shop.until_answered(50, {"cluster-ip"}, 30)
    assert_right(trade, seen, "a rolling update and a scale-up to 4 and back to 2")


def test_a_service_that_chooses_other_pods_is_never_named_by_the_wrong_ones(shop: Shop, tables: Tables, seen: Say) -> None:
    edge = Edge(f"{NAMESPACE}/mover", "moving")
    before = tables.served()
    with shop.trading() as trade:
        shop.until_answered(400, {"moving"}, 90)
        patch(NAMESPACE, "service", "moving", {"spec": {"selector": {"app": "vouchers"}}})
        shop.until_answered(400, {"moving"}, 90)
        patch(NAMESPACE, "service", "moving", {"spec": {"selector": {"app": "cards"}}})
        shop.until_answered(50, {"moving"}, 30)
    assert trade.wrong_bytes() == []
    names = trade.counted[edge]
    after = tables.served()
    for server in ("shop/cards", "shop/vouchers"):
        served = after.get((server, edge.caller), Sums()) - before.get((server, edge.caller), Sums())
        assert served.received > 0, f"{server} was never called"
        named = _named(names, server)
        assert named.sent <= served.received, f"{named.sent} bytes have {server}'s name, and it received {served.received}"
    assert {named.workload for named in names} <= {"", "shop/cards", "shop/vouchers"}
    reasons = sorted({named.reason for named in names} - {""})
    seen(f"a Service that changes its selector and back: {trade.unnamed(edge):.1%} without a name, {reasons}")


def _named(names: Names, workload: str) -> Sums:
    return total({named: sums for named, sums in names.items() if named.workload == workload})
