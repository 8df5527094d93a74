"""An upgrade and a rollback of weir itself, under traffic."""

from __future__ import annotations

from tests.cluster.cluster import patch
from tests.cluster.conftest import Say
from tests.cluster.installed import Release
from tests.cluster.shop.objects import NAMESPACE
from tests.cluster.shop.trade import Shop
from tests.cluster.tables import Tables
from tests.cluster.test_updates import assert_right


def test_an_upgrade_and_a_rollback_lose_and_double_nothing(release: Release, shop: Shop, tables: Tables, seen: Say) -> None:
    # a pod that comes and goes while its node has no agent: test_outages.py
    patch(NAMESPACE, "cronjob", "stock", {"spec": {"suspend": True}})
    with shop.trading() as upgraded:
        shop.until_answered(20, {"cluster-ip"}, 30)
        release.upgrade(config__WEIR_HOLD_SECONDS="29")
        shop.until_answered(50, {"cluster-ip"}, 30)
    assert_right(upgraded, seen, "helm upgrade that replaces agents, workers and watchers")
    with shop.trading() as rolled_back:
        shop.until_answered(20, {"cluster-ip"}, 30)
        release.roll_back()
        shop.until_answered(50, {"cluster-ip"}, 30)
    assert_right(rolled_back, seen, "helm rollback")
    patch(NAMESPACE, "cronjob", "stock", {"spec": {"suspend": False}})
    seen(f"what weir says that it lost, in the whole run: {tables.losses() or 'nothing'}")
