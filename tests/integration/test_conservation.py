"""Known traffic between nodes, agents that stop and die meanwhile, and the tables at the end: nothing missing, nothing twice.

n1 runs web and cart. n2 runs db, and api and sidecar, which share api's namespace and so its addresses. n3 has no agent; outside
runs there. Before the agents start, connections are open. The links carry no ARP, no neighbour discovery, no multicast, and
segments as a wire would: every packet that an interface counts is a socket's.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.bpf.support import answer, command, end, since, tell
from tests.integration.ledger import SHOWN_IP, End, Ledger, Measured, measured
from tests.integration.road import Road
from weir.lab import InterfaceCounters, Lab, Node, Pod

SHARED = "node/n2"
ROLLUP_KEYS = (
    "region, network, node_id, protocol, role, service_port, local_workload, remote_workload, remote_source, remote_reason, canonical"
)
ROLLUP_SUMS = (
    *("bytes_sent", "bytes_received", "packets_sent", "packets_received", "payload_bytes_sent", "payload_bytes_received"),
    *("connections_opened", "connections_closed", "connections_failed", "connections_reset", "retransmits", "rtt_us_sum", "rtt_count"),
)


@dataclass
class Shop:
    """The lab's pods, who is who to whom, and what has been sent so far."""

    lab: Lab
    web: Pod
    cart: Pod
    db: Pod
    api: Pod
    sidecar: Pod
    outside: Pod
    nodes: tuple[Node, Node]
    ledger: Ledger = field(default_factory=Ledger)
    before: dict[str, InterfaceCounters] = field(default_factory=dict)

    @property
    def linked(self) -> tuple[Pod, ...]:
        """Pods whose own link carries traffic: the sidecar uses api's."""
        return (self.web, self.cart, self.db, self.api, self.outside)

    def command(self, name: str, *arguments: object) -> list[str]:
        """Traffic of one workload, all of it on one CPU: packets that change CPU overtake each other, and are sent again."""
        space = ["nsenter", f"--net=/run/netns/{self.api.netns}"] if name == "sidecar" else []
        return [*space, "taskset", "-c", "0", *command(*arguments)]

    def run(self, name: str, *arguments: object) -> None:
        self.pod(name).run(self.command(name, *arguments))

    def start(self, name: str, *arguments: object) -> subprocess.Popen[str]:
        """Awaits the word that it is ready."""
        process = self.pod(name).popen(self.command(name, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        answer(process)
        return process

    def pod(self, name: str) -> Pod:
        pod: Pod = getattr(self, name)
        return pod

    def ends(self, ip: str) -> dict[str, End]:
        """Every caller and server over one family: `ip` is the attribute of a pod to take."""
        found = {pod.workload: End(pod.workload, pod.workload, getattr(pod, ip)) for pod in (self.web, self.cart, self.db, self.api)}
        found["sidecar"] = End("sidecar", "sidecar", getattr(self.api, ip))
        found["outside"] = End("outside", "", getattr(self.outside, ip), watched=False)
        return found

    def carried(self) -> dict[str, InterfaceCounters]:
        """By pod, what its link has carried since the counters were noted."""
        return {pod.workload: since(pod.counters(), self.before[pod.workload]) for pod in self.linked}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Lab("conserve") as lab:
        n1, n2, n3 = lab.node("n1"), lab.node("n2"), lab.node("n3")
        found = Shop(lab, n1.pod("web"), n1.pod("cart"), n2.pod("db"), n2.pod("api"), n2.pod("sidecar"), n3.pod("outside"), nodes=(n1, n2))
        for pod in found.linked:
            pod.set_offloads(False)
        yield found


@dataclass
class Held:
    """Connections that stay open over many windows."""

    process: subprocess.Popen[str]
    client: End
    server: End
    port: int
    connections: int
    sizes: tuple[int, int]
    seen_open: bool = True

    def tell(self, ledger: Ledger) -> None:
        tell(self.process)
        ledger.tcp(self.client, self.server, self.port, self.connections, *self.sizes)

    def end(self, ledger: Ledger) -> None:
        end(self.process)
        ledger.tcp(self.client, self.server, self.port, 0, 0, 0, self.connections if self.seen_open else 0)


@pytest.fixture(scope="module")
def road(shop: Shop, kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    """The road at the end of the scenario."""
    for pod in shop.linked:
        shop.start(pod.workload, "serve", 80)
    shop.start("sidecar", "serve", 81)
    older = [
        hold(shop, "web", "db", "ipv4", 80, 3, (7919, 1009), seen_open=False),
        hold(shop, "web", "sidecar", "ipv6", 81, 2, (613, 10_007), seen_open=False),
    ]
    shop.before = {pod.workload: pod.counters() for pod in shop.linked}
    with Road(kafka, tmp_path_factory.mktemp("conservation")) as found:
        live_through(shop, found, older)
        found.await_tables()
        yield found
        found.stop()
    shop.lab.kill()


def live_through(shop: Shop, road: Road, older: list[Held]) -> None:
    """Traffic with every agent there, while one is stopped, while one is dead, and after."""
    n1, n2 = shop.nodes
    ledger = shop.ledger
    road.start_agents(shop.nodes)
    road.await_tables()  # who is where has been known for longer than clocks may differ: from here on every name is due
    held = [*older, hold(shop, "cart", "api", "ipv4", 80, 5, (31, 65_537))]
    everybody_calls(shop, 1)
    road.await_tables()
    road.stop_agent(n2)
    for each in held:
        each.tell(ledger)
    everybody_calls(shop, 2)
    road.start_agents([n2])
    everybody_calls(shop, 3)
    road.kill_agent(n1)
    everybody_calls(shop, 5)
    older[0].tell(ledger)
    road.start_agents([n1])
    for each in held:
        each.tell(ledger)
        each.end(ledger)
    everybody_calls(shop, 7)


def everybody_calls(shop: Shop, factor: int) -> None:
    """Short connections and datagrams on every edge; primes, so that no two mistakes add up to nothing."""
    for ip in ("ipv4", "ipv6"):
        call(shop, "web", "api", ip, 80, 23 * factor, (7919, 104_729))
        call(shop, "web", "sidecar", ip, 81, 7 * factor, (1, 1_000_003))
        call(shop, "cart", "db", ip, 80, 11, (2_097_143, 13))
        call(shop, "outside", "web", ip, 80, 3 * factor, (997, 4001))
        call(shop, "api", "db", ip, 80, 5, (8191, 127))
        call(shop, "sidecar", "cart", ip, 80, 13, (509, 2003))
        datagrams(shop, "cart", "api", ip, 80, 101 * factor, 487)
        datagrams(shop, "db", "sidecar", ip, 81, 53, 1201)
        datagrams(shop, "cart", "outside", ip, 80, 17, 331)


def call(shop: Shop, client: str, server: str, ip: str, port: int, connections: int, sizes: tuple[int, int]) -> None:
    ends = shop.ends(ip)
    shop.run(client, "tcp", ends[server].ip, port, connections, *sizes)
    shop.ledger.tcp(_as_client(ends[client]), ends[server], port, connections, *sizes, connections)


def datagrams(shop: Shop, client: str, server: str, ip: str, port: int, packets: int, size: int) -> None:
    ends = shop.ends(ip)
    shop.run(client, "udp", ends[server].ip, port, packets, size)
    shop.ledger.udp(_as_client(ends[client]), ends[server], port, packets, size)


def hold(
    shop: Shop, client: str, server: str, ip: str, port: int, connections: int, sizes: tuple[int, int], seen_open: bool = True
) -> Held:
    ends = shop.ends(ip)
    process = shop.start(client, "hold", ends[server].ip, port, connections, *sizes)
    return Held(process, ends[client], ends[server], port, connections, sizes, seen_open)


def _as_client(caller: End) -> End:
    """A client behind a shared address is its node, to others."""
    return End(caller.workload, SHARED, caller.ip) if caller.workload in ("api", "sidecar") else caller


WIRE = "sum(bytes_sent) AS a, sum(packets_sent) AS b, sum(bytes_received) AS c, sum(packets_received) AS d"


def _on_wire(road: Road, column: str) -> dict[str, tuple[int, int, int, int]]:
    rows = road.ask(f"SELECT {SHOWN_IP.format(column)}, {WIRE} FROM weir.flows GROUP BY {column}")  # noqa: S608
    return {row[column]: (row["a"], row["b"], row["c"], row["d"]) for row in rows}


@pytest.fixture(scope="module")
def found(road: Road) -> Measured:
    return measured(road)


def test_every_edge_has_its_views_with_the_right_names(road: Road, shop: Shop, found: Measured) -> None:
    """Names of both ends, where from, which view counts; and no row that nobody made."""
    assert found.views.keys() - shop.ledger.views.keys() == set(), road.report()
    assert shop.ledger.views.keys() - found.views.keys() == set(), road.report()


def test_payload_is_exact_at_both_ends(shop: Shop, found: Measured) -> None:
    assert found.payload_off(shop.ledger) == []


def test_connections_are_exact_at_both_ends(shop: Shop, found: Measured) -> None:
    """Those that the agents found open were opened before their time, and are not counted."""
    assert found.connections_off(shop.ledger) == []


def test_bytes_and_packets_are_those_of_the_interfaces(road: Road, shop: Shop) -> None:
    carried, ours, theirs = shop.carried(), _on_wire(road, "local_ip"), _on_wire(road, "remote_ip")
    for pod in (shop.web, shop.cart, shop.db, shop.api):
        assert InterfaceCounters(*_add(ours[pod.ipv4], ours[pod.ipv6])) == carried[pod.workload], pod.workload
    sent, packets_sent, received, packets_received = _add(theirs[shop.outside.ipv4], theirs[shop.outside.ipv6])
    assert InterfaceCounters(received, packets_received, sent, packets_sent) == carried["outside"], "seen from its peers only"


def _add(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def test_canonical_views_count_every_byte_once(road: Road, shop: Shop) -> None:
    columns = "sum(bytes_sent + bytes_received) AS bytes, sum(packets_sent + packets_received) AS n"
    (row,) = road.ask(f"SELECT {columns} FROM weir.flows WHERE canonical")  # noqa: S608
    carried = shop.carried().values()
    assert (row["bytes"], row["n"]) == (sum(c.bytes_sent for c in carried), sum(c.packets_sent for c in carried))


def test_rollups_hold_what_the_rows_hold(road: Road) -> None:
    sums = ", ".join(f"sum({name})" for name in ROLLUP_SUMS)
    tables = ("flows", "flows_1m", "flows_5m", "flows_1h")
    raw, *rollups = (
        road.ask(f"SELECT {ROLLUP_KEYS}, {sums}, max(rtt_us_max) FROM weir.{table} GROUP BY ALL ORDER BY ALL")  # noqa: S608
        for table in tables
    )
    assert raw
    for rollup in rollups:
        assert rollup == raw


def test_nothing_is_lost(road: Road) -> None:
    assert road.ask("SELECT * FROM weir.losses") == []


def test_each_node_kept_its_epoch(road: Road) -> None:
    """A stopped or killed agent's counts were taken over, not begun anew."""
    assert road.ask("SELECT node_id, uniq(epoch) AS epochs FROM weir.flows GROUP BY node_id ORDER BY node_id") == [
        {"node_id": "n1", "epochs": 1},
        {"node_id": "n2", "epochs": 1},
    ]
