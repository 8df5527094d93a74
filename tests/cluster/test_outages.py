"""Parts that are away: counting goes on, names that were known stay, and no name is wrong."""

from __future__ import annotations

import contextlib
import time
import urllib.request
from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.cluster import api_server_away, kill_pod, kubectl, listed, patch, pod_ips, rolled_out
from tests.cluster.conftest import Say
from tests.cluster.installed import NAMESPACE as WEIR
from tests.cluster.shop.collector import Edge
from tests.cluster.shop.objects import NAMESPACE
from tests.cluster.shop.trade import NAMES, Shop
from tests.cluster.tables import PORTS, Tables
from tests.cluster.test_updates import assert_right
from tests.support.processes import wait_for

AWAY_SECONDS = 120

Said = defaultdict[str, float]
"""What a detector says of itself: a metric's sum over its labels."""


def test_the_api_server_away_for_two_minutes(shop: Shop, tables: Tables, seen: Say) -> None:
    """Pods keep their names. What stands behind a Service is not known for that time: at a node's port that leaves the node itself."""
    with shop.trading() as away:
        shop.until_answered(20, {"cluster-ip"}, 30)
        with api_server_away():
            shop.work_for(AWAY_SECONDS)
    assert_right(away, seen, f"the API server away for {AWAY_SECONDS} s")
    assert away.unnamed(Edge(f"{NAMESPACE}/web", "headless")) == 0
    kubectl("-n", NAMESPACE, "scale", "deployment/web", "--replicas=3")
    rolled_out(NAMESPACE, "deployment/web")
    wait_for(lambda: not _without_their_names(shop, seen), 60, "the names of Services to come back")
    addresses = tuple(pod_ips(NAMESPACE, "app=web"))
    rows = tables.ask("SELECT DISTINCT local_workload FROM weir.flows WHERE service_port = 80 AND local_ip IN %(ips)s", ips=addresses)
    assert rows == [("shop/web",)]
    kubectl("-n", NAMESPACE, "scale", "deployment/web", "--replicas=2")
    rolled_out(NAMESPACE, "deployment/web")


def _without_their_names(shop: Shop, seen: Say) -> list[str]:
    """Of a while's trade, the ways that none of is named as it should be: a watcher that is heard again has all to tell anew."""
    with shop.trading() as back:
        shop.until_answered(200, {"cluster-ip"}, 60)
    missing = sorted(edge.name for edge, names in back.counted.items() if edge in back.said and NAMES[edge] not in names)
    assert_right(back, seen, f"after it, without their names: {', '.join(missing) or 'none'}")
    return missing


def test_a_pod_that_lives_while_its_node_has_no_agent_is_counted_without_a_name(shop: Shop, tables: Tables, seen: Say) -> None:
    """The programs go on counting; nothing tells afterwards whose the cgroup was. All others keep their names and their bytes."""
    cron = Edge(f"{NAMESPACE}/stock", "cron-job")
    before = tables.payload_of_nobody(PORTS[cron.name])
    with shop.trading() as trade:
        _let_agents_run_on({"nowhere": "true"})
        wait_for(lambda: not listed(WEIR, "pods", "app.kubernetes.io/component=agent"), 60, "the agents' end", every=0.5)
        shop.until_answered(3, {cron.name}, 90)
        _let_agents_run_on(None)
        rolled_out(WEIR, "daemonset/weir-agent")
        shop.until_answered(50, {"cluster-ip"}, 30)
    said, counted = trade.said.pop(cron), tables.payload_of_nobody(PORTS[cron.name]) - before
    assert (counted.sent, counted.received) == (said.sent, said.received)
    counted_again, trade.counted_again = trade.counted_again, 0
    assert_right(trade, seen, f"both agents away ({counted_again} bytes of a pod that nobody knows are in its server's view, too)")


def _let_agents_run_on(selector: dict[str, str] | None) -> None:
    patch(WEIR, "daemonset", "weir-agent", {"spec": {"template": {"spec": {"nodeSelector": selector}}}})


def test_the_watcher_that_leads_is_killed(shop: Shop, seen: Say) -> None:
    leader = _leader()
    with shop.trading() as trade:
        shop.until_answered(20, {"cluster-ip"}, 30)
        begin = time.monotonic()
        kill_pod(WEIR, leader)
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


def test_the_detector_that_leads_is_killed(shop: Shop, seen: Say) -> None:
    """The other looks on. Steps are complete, and looked at, while nobody trades as well: agents say that nothing came."""
    leader = wait_for(lambda: _leading_detector(""), 60, "a detector that leads", every=0.5)
    wait_for(lambda: leader in _looking_detectors(), 120, f"a step that {leader} looks at", every=0.5)
    begin = time.monotonic()
    kill_pod(WEIR, leader)
    other = wait_for(lambda: _leading_detector(leader), 60, f"another detector than {leader} that leads", every=0.5)
    took = time.monotonic() - begin
    wait_for(lambda: other in _looking_detectors(), 120, f"a step that {other} looks at", every=0.5)
    rolled_out(WEIR, "deployment/weir-detector")
    said = _detectors()
    assert len(said) == 2 and sum(each["weir_detector_leading"] for each in said.values()) == 1
    assert not any(each["weir_detector_watch_failures_total"] for each in said.values())
    seconds = said[other]["weir_detector_step_seconds_total"] / said[other]["weir_detector_steps_total"]
    seen(f"the detector that leads killed, the other leads after {took:.0f} s; a look takes {seconds:.1f} s")


def _leading_detector(before: str) -> str:
    return next((name for name, said in _detectors().items() if said["weir_detector_leading"] and name != before), "")


def _looking_detectors() -> set[str]:
    return {name for name, said in _detectors().items() if said["weir_detector_steps_total"]}


def _detectors() -> dict[str, Said]:
    """Of each that answers."""
    found: dict[str, Said] = {}
    for pod in listed(WEIR, "pods", "app.kubernetes.io/component=detector"):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{pod['status'].get('podIP')}:9467/metrics", timeout=5) as answer:
            sums = found.setdefault(pod["metadata"]["name"], defaultdict(float))
            for family in text_string_to_metric_families(answer.read().decode()):
                for sample in family.samples:
                    sums[sample.name] += sample.value
    return found
