"""A kernel map too small for the traffic, at both ends: what is missing in `flows` stands in `losses`, to the byte.

Each node has one pod, so its link's counters are an independent account of all that its agent should have counted.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.bpf.support import answer, since, start, traffic
from tests.integration.road import Road
from weir.lab import InterfaceCounters, Lab, Pod

ENTRIES, PORTS, FIRST_PORT = 64, 211, 20_011
MANY_PORTS = Path(__file__).with_name("many_ports.py")
FLOWS = "SELECT sum(packets_sent + packets_received) AS packets, sum(bytes_sent + bytes_received) AS bytes FROM weir.flows WHERE node_id = "
LOSSES = "SELECT sum(packets) AS packets, sum(bytes) AS bytes FROM weir.losses WHERE node_id = "


@dataclass
class Crowd:
    """Two pods with more flows between them than a map holds, at the end of the scenario."""

    road: Road
    carried: dict[str, InterfaceCounters]


@pytest.fixture(scope="module")
def crowd(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with Lab("smallmap") as lab:
        nodes = [lab.node("n1"), lab.node("n2")]
        caller, taker = nodes[0].pod("caller"), nodes[1].pod("taker")
        for pod in (caller, taker):
            pod.set_offloads(False)
        for pod in (caller, taker):  # somebody is at home all the time: who comes and goes is known by the packets that were counted
            start(pod, "serve", 80)
        answer(taker.popen([sys.executable, "-S", str(MANY_PORTS), str(FIRST_PORT), str(PORTS)], stdout=subprocess.PIPE, text=True))
        before = {"n1": caller.counters(), "n2": taker.counters()}
        with Road(kafka, tmp_path_factory.mktemp("small-map"), map_entries=ENTRIES) as road:
            road.start_agents(nodes)
            road.await_tables()  # who is where has been known for longer than clocks may differ
            crowding(caller, taker, 3)
            road.await_tables()
            road.kill_agent(nodes[0])
            road.stop_agent(nodes[1])
            crowding(caller, taker, 2)
            road.start_agents(nodes)
            crowding(caller, taker, 5)
            road.await_tables()
            yield Crowd(road, {"n1": since(caller.counters(), before["n1"]), "n2": since(taker.counters(), before["n2"])})
            road.stop()
        lab.kill()


def crowding(caller: Pod, taker: Pod, times: int) -> None:
    """A flow to each port and family, one after the other, and connections in between that find a full map or an empty one."""
    for _ in range(times):
        traffic(caller, "spray", taker.ipv4, FIRST_PORT, PORTS, 997)
        traffic(caller, "tcp", taker.ipv6, 80, 7, 7919, 10_007)
        traffic(caller, "spray", taker.ipv6, FIRST_PORT, PORTS, 991)


def account(road: Road, sql: str, node: str) -> tuple[int, int]:
    (row,) = road.ask(f"{sql} '{node}'")
    return row["packets"], row["bytes"]


@pytest.mark.parametrize("node", ["n1", "n2"])
def test_flows_and_losses_add_up_to_what_the_link_carried(crowd: Crowd, node: str) -> None:
    flows, losses, link = account(crowd.road, FLOWS, node), account(crowd.road, LOSSES, node), crowd.carried[node]
    assert flows[0] > ENTRIES
    assert losses[0] > PORTS, "the map was large enough: nothing was tested"
    carried = (link.packets_sent + link.packets_received, link.bytes_sent + link.bytes_received)
    assert (flows[0] + losses[0], flows[1] + losses[1]) == carried, crowd.road.report()


def test_the_losses_say_where_and_why(crowd: Crowd) -> None:
    rows = crowd.road.ask("SELECT node_id, stage, reason FROM weir.losses GROUP BY ALL ORDER BY ALL")
    assert rows == [{"node_id": node, "stage": "agent", "reason": "map_full"} for node in ("n1", "n2")]


def test_no_window_holds_more_flows_than_the_map(crowd: Crowd) -> None:
    (row,) = crowd.road.ask("SELECT max(flows) AS most FROM (SELECT count() AS flows FROM weir.flows GROUP BY node_id, window_start)")
    assert row["most"] == ENTRIES


def test_what_was_counted_has_its_names(crowd: Crowd) -> None:
    """A full map takes no name from the flows that it holds."""
    rows = crowd.road.ask("SELECT DISTINCT local_workload, remote_workload FROM weir.flows ORDER BY ALL")
    assert rows == [{"local_workload": a, "remote_workload": b} for a, b in (("caller", "taker"), ("taker", "caller"))]
