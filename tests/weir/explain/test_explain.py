"""`weir explain`: flows that went through a worker's own attribution into tables, and what is said of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_network

import numpy as np
import pyarrow as pa
import pytest

from schemas.addresses import parse_address, parse_addresses
from schemas.protocols import TCP
from schemas.records.cluster import NODE_PORTS, ServiceAddress, WatcherWatermark
from schemas.records.flow_batch import ROLE_CLIENT, HeartbeatColumns
from schemas.records.ip_event import IpEvent
from schemas.records.tables import BlockIdentity
from sinks.engines.base import Engine
from sinks.engines.result import readable
from sinks.open import open_sink
from streams.attribution.attribute import REASONS, SOURCES
from streams.attribution.cidr_labels import CidrLabels
from streams.blocks.build import build_block
from streams.dedup.state import DedupState
from streams.outputs.event_tables import tables_of
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import concat, from_flows, from_heartbeats
from tests.sinks.engine_of import engine_of
from tests.streams.support import address, batch, heartbeats
from tests.support.clickhouse import EngineHost
from tests.support.processes import run_weir
from weir.explain.asks import Asks
from weir.explain.evidence import Evidence, Question, gather
from weir.explain.known import Known, Rules, name_now
from weir.explain.told import Told, recall
from weir.explain.verdict import duration, relation, why

SECOND = 1_000_000
SKEW = 250_000
LABEL = "10.0.0.12/32=onprem"
RULES = Rules(gap_seconds=25, skew_ms=250, window_seconds=10, retention_seconds=3_600, labels=((ip_network("10.0.0.12/32"), "onprem"),))
WORKLOADS = ("checkout", "cart", "old", "new", "job", "node/n2", "web", "pod")
SAID = [
    (0, address(200), 0, 60 * SECOND),
    (1, address(7), 0, 60 * SECOND),
    (2, address(9), 0, 10 * SECOND),
    (3, address(9), 40 * SECOND, 60 * SECOND),
    (2, address(10), 0, 20 * SECOND + 100_000),
    (3, address(10), 20 * SECOND + 100_000, 60 * SECOND),
    (4, address(13), 5 * SECOND, 20 * SECOND + 100_001),
    (5, address(14), 0, 60 * SECOND),
    # Shared addresses: their node; listeners of ports 15 and 99, and at 16 one that came just after the flow.
    (5, address(15), 0, 60 * SECOND),
    (5, address(16), 0, 60 * SECOND),
    # Heartbeats of two windows were lost, which nobody else's contradict.
    (1, address(18), 0, 10 * SECOND),
    (1, address(18), 30 * SECOND, 60 * SECOND),
    # Heartbeats of the node of a shared address were lost, while its listener may have come.
    (5, address(19), 0, 10 * SECOND),
    (5, address(19), 30 * SECOND, 60 * SECOND),
    # What an event says, and a heartbeat within reach contradicts.
    (7, address(21), 20_300_000, 60 * SECOND),
    # Its owner moved to another node just after the flow, and went on there.
    (1, address(23), 0, 20_100_000),
    # Silent while the flow lasted, when another node saw somebody else there.
    (1, address(25), 0, 10 * SECOND),
    (1, address(25), 30 * SECOND, 60 * SECOND),
    (5, address(30), 0, 60 * SECOND),
]
LISTENERS = [
    (6, address(15), 15, 0, 60 * SECOND),
    (4, address(15), 99, 0, 61 * SECOND),
    (6, address(16), 16, 20_200_000, 60 * SECOND),
    (6, address(17), 99, 0, 60 * SECOND),
    (6, address(19), 99, 0, 60 * SECOND),
]
TOLD = [
    IpEvent("default", address(11), "lb", True, 5 * SECOND),
    IpEvent("default", address(21), "lb", True, 5 * SECOND),
    IpEvent("default", address(22), "lb", True, 5 * SECOND),
    IpEvent("default", address(22), "", False, 20 * SECOND),
    IpEvent("default", address(22), "vpn", True, 50 * SECOND),
]


def stated(last: int, since_us: int, service: str, *workloads: str) -> ServiceAddress:
    return ServiceAddress("default", address(last), TCP, last, service, workloads, since_us, "w1")


WATCHED: list[ServiceAddress | WatcherWatermark] = [
    stated(26, 0, "shop/web", "shop/web"),
    stated(27, 0, "shop/all", "", "shop/a"),
    stated(28, 0, "shop/a", "shop/a"),
    stated(28, 20 * SECOND, "shop/b", "shop/b"),
    stated(29, 40 * SECOND, "shop/later", "shop/later"),
    ServiceAddress("default", address(30), 0, 0, "n2", (), 0, "w1"),
    ServiceAddress("default", NODE_PORTS, TCP, 30, "shop/web", ("shop/web",), 0, "w1"),
    ServiceAddress("default", NODE_PORTS, TCP, 29, "shop/other", ("shop/other",), 0, "w1"),
    WatcherWatermark("default", "w1", 0, 60 * SECOND),
]
LAST = [*range(7, 12), *range(12, 20), 21, 22, 23, 25, *range(26, 31), 200]
INTERNET = ("8.8.8.8", "127.0.0.1", "239.1.2.3", "fe80::7")


def beats() -> HeartbeatColumns:
    """What node n2 said: of whole addresses, and of ports."""
    columns = heartbeats(SAID + [(who, ip, start_us, end_us) for who, ip, _, start_us, end_us in LISTENERS])
    columns.port[len(SAID) :] = [port for _, _, port, _, _ in LISTENERS]
    columns.protocol[len(SAID) :] = TCP
    return columns


@pytest.fixture(scope="module", params=["chdb", "server"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Tables with flows at second 20, and with what else is known of their remote addresses."""
    directory = tmp_path_factory.mktemp("explain")
    if request.param == "chdb":
        fill(f"chdb://{directory / 'data'}")
        yield f"chdb://{directory / 'data'}"
    else:
        with EngineHost(directory / "engine") as host:
            fill(host.url)
            yield host.url


def fill(url: str) -> None:
    sink = open_sink(url)
    sink.migrate()
    known = OwnershipMap(gap_us=25 * SECOND, skew_us=SKEW)
    calls = batch(LAST, window=2)
    calls = replace(calls, flows=replace(calls.flows, role=np.full(len(LAST), ROLE_CLIENT, np.uint8)))
    # A flow of a node, long after the others, at an address that no heartbeat and no event speaks of: 10.0.0.24.
    seen = batch([200], window=12, node="n4", workloads=("silent",))
    seen = replace(seen, flows=replace(seen.flows, local_ip=np.frombuffer(address(24), np.uint8).reshape(1, 16)))
    other = batch([201], window=2, node="n7", workloads=("stranger",))
    other = replace(other, flows=replace(other.flows, local_ip=np.frombuffer(address(25), np.uint8).reshape(1, 16)))
    outside = batch([1, 2, 3, 4], window=2, node="n3")
    outside = replace(outside, flows=replace(outside.flows, remote_ip=parse_addresses(list(INTERNET))))
    moved = batch([], node="n5", beats=heartbeats([(0, address(23), 20_100_000, 60 * SECOND)]), workloads=("cart",))
    teller = replace(batch([], node="n2", beats=beats(), workloads=WORKLOADS), zone="eu-a")
    batches = [teller, calls, outside, seen, other, moved, batch([24], window=2, node="n6")]
    known.learn(concat(from_heartbeats(batches), from_flows(batches)))
    known.learn_events(TOLD)
    known.services.learn(WATCHED)
    known.places.hear(batches, "home")
    built = build_block(
        BlockIdentity("weir.flows", 3, 40, 49),
        range(40, 40 + len(batches)),
        batches,
        DedupState(horizon_us=600 * SECOND),
        partial(nullcontext, known),
        region="home",
        outside=CidrLabels(RULES.labels),
    )
    for table, rows in tables_of([*TOLD, *WATCHED]):
        sink.write_set(table, rows)
    sink.write(built.block)
    sink.close()


@dataclass(frozen=True)
class Found:
    """What the tables hold of a flow, and what follows from it; both can be changed to see what would be said."""

    evidence: Evidence
    told: Told

    def known(self, rules: Rules = RULES) -> Known:
        return name_now(self.evidence, self.told, rules)

    def why(self, rules: Rules = RULES) -> str:
        return why(self.evidence, self.known(rules))

    def recorded(self, workload: str = "", source: str = "none", reason: str = "") -> Found:
        """The same where the flow had been recorded otherwise."""
        flow = replace(self.evidence.flow, remote_workload=workload, remote_source=source, remote_reason=reason)
        return replace(self, evidence=replace(self.evidence, flow=flow))

    def without(self, workload: str) -> Found:
        """The same where nothing tells of that owner any more."""
        ranges = tuple(held for held in self.evidence.ranges if held.workload != workload)
        left = tuple(one for one in self.told.ownership.ranges if one.workload != workload)
        ownership = replace(self.told.ownership, ranges=left)
        return Found(replace(self.evidence, ranges=ranges), replace(self.told, ownership=ownership))

    @property
    def ranges(self) -> list[tuple[str, str]]:
        flow, pairs = self.evidence.flow, zip(self.evidence.ranges, self.known().standings, strict=True)
        return [(held.workload, relation(flow, held, standing)) for held, standing in pairs]


class Composed:
    """The console's way to the tables. It looks up the types of a statement's answer once, where a sink does for each address."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def query(self, sql: str) -> pa.Table:
        return readable(self._engine.ask(sql))


def find(tables: Asks, ip: bytes) -> Found | None:
    evidence = gather(tables, Question(ip))
    return evidence and Found(evidence, recall(tables, evidence.flow, RULES.retention_us, RULES.silence_us))


@pytest.fixture(scope="module")
def told(url: str) -> dict[str, Found]:
    """By the remote address's last part."""
    sink = open_sink(url, read_only=True)
    tables = Composed(engine_of(sink))
    addresses = {str(last): address(last) for last in (*LAST, 24)} | {text: parse_address(text) for text in INTERNET}
    found = {name: one for name, ip in addresses.items() if (one := find(tables, ip)) is not None}
    assert find(sink, addresses["28"]) == found["28"], "a person's own way to the tables finds the same"
    sink.close()
    assert found.keys() == addresses.keys()
    return found


def test_what_is_found_now_is_what_was_recorded(told: dict[str, Found]) -> None:
    """The workers' rule, asked with what the tables hold of one address, gives what it gave with all that workers knew."""
    recorded = {
        name: (one.evidence.flow.remote_workload, one.evidence.flow.remote_source, one.evidence.flow.remote_reason)
        for name, one in told.items()
    }
    now = {name: (one.known().workload, one.known().source, one.known().reason) for name, one in told.items()}
    assert now == recorded
    assert {reason for _, _, reason in now.values()} == set(REASONS)
    assert {source for _, source, _ in now.values()} == set(SOURCES)
    assert not [name for name, one in told.items() if "recorded with" in one.why()]


@pytest.mark.parametrize(
    ("remote", "says"),
    [
        ("7", "Node n2 said that cart held ::ffff:10.0.0.7 from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z, all of the flow's time"),
        ("8", "No agent and no event has ever spoken for ::ffff:10.0.0.8 in network default"),
        ("9", "The nearest: old 10.0 s before and new 20.0 s after."),
        ("10", "new and old held ::ffff:10.0.0.10 within 500 ms of the flow's time, twice"),
        ("11", "Events say that lb held ::ffff:10.0.0.11 from 1970-01-01T00:00:05Z on, all of the flow's time"),
        ("12", "and WEIR_CIDRS says 10.0.0.12/32=onprem."),
        (
            "15",
            "said that web held tcp port 15 of ::ffff:10.0.0.15 from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z, all of the flow's time",
        ),
        (
            "16",
            "to 1970-01-01T00:01:00Z listened on tcp port 16 of ::ffff:10.0.0.16, and nobody is known to have done so",
        ),
        (
            "26",
            "tcp port 26 of ::ffff:10.0.0.26 is the service shop/web, and all its backends of that time are of shop/web: "
            "shop/web (shop/web) from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z.",
        ),
        ("27", "is the service shop/all; its backends of that time are not of one known workload: shop/all ((not known), shop/a) from"),
        ("28", "or watchers disagree: shop/a (shop/a) from 1970-01-01T00:00:00Z to 1970-01-01T00:00:20Z; shop/b (shop/b) from"),
        ("29", "no watcher's word covers all of the flow's time. Told is: shop/later (shop/later) from 1970-01-01T00:00:40Z"),
        ("30", "tcp port 30 of ::ffff:10.0.0.30 is the service shop/web, and all its backends"),
        ("17", "listeners of 1 ports are known there, nobody is known to listen on tcp port 17, and no node claims it."),
        ("18", "cart held ::ffff:10.0.0.18 just before and after: cart from 1970-01-01T00:00:00Z to 1970-01-01T00:00:10Z, cart from"),
        ("19", "nobody is known to have held it all of the flow's time. The nearest: node/n2 10.0 s after and node/n2"),
        ("19", "Who listened on tcp port 19 then may not have been heard."),
        ("21", "lb and pod held ::ffff:10.0.0.21 within 500 ms of the flow's time"),
        ("21", "An event names an owner only where no heartbeat within that time tells of another."),
        ("22", "The nearest: lb 0 ms before, within the clocks' skew"),
        (
            "23",
            "cart held ::ffff:10.0.0.23 all of the flow's time, in parts: cart from 1970-01-01T00:00:00Z to 1970-01-01T00:00:20.1",
        ),
        ("24", "Flows show that an agent counts at ::ffff:10.0.0.24, and no heartbeat and no event says who holds it."),
        ("13", "only 100 ms more than the flow's time: less than the 250 ms by which clocks may differ"),
        ("25", "nobody is known to have held it all of the flow's time. The nearest: cart 10.0 s after and cart 10.0 s before."),
        ("14", "node/n2 is the node itself: several workloads share its address."),
        ("8.8.8.8", "is an address of the internet"),
        ("127.0.0.1", "is the machine itself"),
        ("239.1.2.3", "is a group (multicast or broadcast)"),
        ("fe80::7", "is link-local: every link has such an address of its own"),
    ],
)
def test_each_name_and_each_lack_of_one_has_its_reason(told: dict[str, Found], remote: str, says: str) -> None:
    assert says in told[remote].why()


def test_what_was_told_too_late_is_named_now(told: dict[str, Found]) -> None:
    named = told["7"].recorded(reason="unknown")
    late = replace(named, evidence=replace(named.evidence, told_us=named.evidence.flow.written_us + 90 * SECOND))
    said = late.why()
    assert said.startswith(
        "The flow was recorded with no name (unknown); by what is known now it has the name cart (heartbeat): Node n2 said that cart held"
    )
    assert "came 90.0 s after the flow was named: later than the hold" in said and said.endswith("`weir recompute` makes rows anew.")
    assert "The ranges below are what is known now." in replace(named, evidence=replace(named.evidence, told_us=0)).why()


def test_a_listener_that_was_told_of_late(told: dict[str, Found]) -> None:
    said = told["15"].recorded("node/n2", "heartbeat").why()
    assert "recorded with the name node/n2 (heartbeat); by what is known now it has the name web (heartbeat)" in said
    assert "web held tcp port 15" in said


def test_a_heartbeat_that_contradicts_an_event_came_late(told: dict[str, Found]) -> None:
    said = told["21"].recorded("lb", "ip_event").why()
    assert "recorded with the name lb (ip_event); by what is known now it has no name (ambiguous): lb and pod held" in said
    assert told["21"].ranges == [("lb", "holds the flow"), ("pod", "300 ms after, within twice the clocks' skew")]
    assert "Events say that lb held" in told["21"].recorded("lb", "ip_event").without("pod").why()


def test_a_name_whose_range_has_gone(told: dict[str, Found]) -> None:
    said = told["7"].without("cart").why()
    assert "recorded with the name cart (heartbeat); by what is known now it has no name (unknown): No agent and no event" in said
    assert "cart was known to hold ::ffff:10.0.0.7 when the flow was named; the tables do not hold that range any more." in said


def test_a_range_that_falls_short_where_all_knowledge_ends(told: dict[str, Found]) -> None:
    """The owner's last heartbeat is as new as any, and ends within the flow."""
    named, end_us = told["7"], told["7"].evidence.flow.last_us - 19_999
    (held,), (one,) = named.evidence.ranges, named.told.ownership.ranges
    ownership = replace(named.told.ownership, ranges=(replace(one, end_us=end_us),))
    short = Found(
        replace(named.evidence, ranges=(replace(held, end_us=end_us),)), replace(named.told, ownership=ownership, until_us=end_us)
    )
    assert "all of the flow's time but 20 ms, less than clocks may differ" in short.why()
    later = replace(short, told=replace(short.told, until_us=60 * SECOND))
    assert (later.known().reason, later.ranges) == ("gap", [("cart", "20 ms before, within the clocks' skew")])


def test_what_workers_have_forgotten_is_not_known(told: dict[str, Found]) -> None:
    named, hours = told["7"].recorded(reason="unknown"), 7_200 * SECOND
    flow = replace(named.evidence.flow, first_us=named.evidence.flow.first_us + hours, last_us=named.evidence.flow.last_us + hours)
    long_ago = replace(named, evidence=replace(named.evidence, flow=flow))
    assert long_ago.why().startswith("What is known of ::ffff:10.0.0.7 ended longer before the flow than workers remember")
    assert long_ago.known(replace(RULES, retention_seconds=10_000)).reason == "gap"


def test_a_label_that_is_no_longer_there(told: dict[str, Found]) -> None:
    assert "named the flow said onprem; here it has no label for it now." in told["12"].why(replace(RULES, labels=()))
    other = replace(RULES, labels=((ip_network("10.0.0.0/8"), "other"),))
    assert "named the flow said onprem; here it says 10.0.0.0/8=other now." in told["12"].why(other)
    assert "named the flow had no label for it; here it says 10.0.0.0/8=other now." in told["8"].why(other)
    assert told["24"].why(other) == told["24"].why()
    seen_late = told["24"].recorded("onprem", "cidr").why()
    assert "recorded with the name onprem (cidr); by what is known now it has no name (unknown): Flows show that an agent" in seen_late


def test_the_window_of_the_flow_goes_before_a_setting_that_is_not_the_workers(told: dict[str, Found]) -> None:
    """As beside a demo, whose window is not the default: both borders of a silence must be windows' ends."""
    assert told["18"].known(replace(RULES, window_seconds=60)).workload == "cart"


def test_spans_of_time_are_short() -> None:
    assert [duration(span) for span in (0, 999_999, 1_000_000, 3_600_000_000)] == ["0 ms", "1000 ms", "1.0 s", "3,600.0 s"]


class TestCommand:
    def test_for_people(self, url: str) -> None:
        done = run_weir("explain", "10.0.0.9", settings={"clickhouse_url": url})
        flow, name, reason, *table = filter(None, done.stdout.splitlines())
        assert flow.startswith("checkout (::ffff:10.0.0.200) called ::ffff:10.0.0.9, tcp port 9, from 1970-01-01T00:00:20Z")
        assert flow.endswith("(weir.flows:3:41).")
        assert name == "no name (gap)" and "The nearest: old" in reason
        assert ["old", "new"] == [line.split()[0] for line in table if line.startswith(("old", "new"))]
        assert all("n2" in line for line in table if line.startswith(("old", "new")))

    def test_where_the_remote_end_was(self, url: str) -> None:
        name = run_weir("explain", "10.0.0.7", settings={"clickhouse_url": url}).stdout.splitlines()[2]
        assert name.endswith(" (heartbeat), on node n2, zone eu-a, region eu")
        flow = json.loads(run_weir("explain", "10.0.0.7", "--format", "json", settings={"clickhouse_url": url}).stdout)["flow"]
        assert (flow["remote_node_id"], flow["remote_zone"], flow["remote_region"]) == ("n2", "eu-a", "eu")

    def test_what_stood_behind_a_service_address(self, url: str) -> None:
        lines = [*filter(None, run_weir("explain", "10.0.0.28", settings={"clickhouse_url": url}).stdout.splitlines())]
        assert lines[1] == "no name (ambiguous)"
        assert [line.split()[:2] for line in lines if line.startswith("shop/")] == [["shop/a", "shop/a"], ["shop/b", "shop/b"]]
        said = json.loads(run_weir("explain", "10.0.0.26", "--format", "json", settings={"clickhouse_url": url}).stdout)
        assert (said["now"]["remote_source"], said["flow"]["remote_service"]) == ("service", "shop/web")
        span = {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T00:01:00Z"}
        assert said["services"] == [{"service": "shop/web", "workloads": ["shop/web"], "watcher": "w1", **span}]

    def test_for_programs(self, url: str) -> None:
        settings = {"clickhouse_url": url, "cidrs": LABEL}
        at = ("--at", "1970-01-01T00:00:25Z", "--local-ip", "10.0.0.200", "--port", "12", "--format", "json")
        said = json.loads(run_weir("explain", "10.0.0.12", *at, settings=settings).stdout)
        assert (said["flow"]["remote_workload"], said["flow"]["remote_source"], said["matching"], said["ranges"]) == (
            "onprem",
            "cidr",
            1,
            [],
        )
        assert LABEL in said["why"]
        assert said["now"] == {"remote_workload": "onprem", "remote_source": "cidr", "remote_reason": ""}

    def test_settings_that_contradict_each_other(self, url: str) -> None:
        settings = {"clickhouse_url": url, "gap_seconds": 1, "skew_ms": 600}
        done = run_weir("explain", "10.0.0.7", settings=settings, status=2)
        assert done.stdout == "" and "WEIR_GAP_SECONDS=1 is less than twice WEIR_SKEW_MS=600" in done.stderr

    def test_every_range_says_how_it_stands_to_the_flow(self, url: str) -> None:
        said = json.loads(run_weir("explain", "10.0.0.10", "--format", "json", settings={"clickhouse_url": url}).stdout)
        assert [(held["workload"], held["relation"]) for held in said["ranges"]] == [
            ("old", "holds the flow"),
            ("new", "100 ms after, within the clocks' skew"),
        ]

    @pytest.mark.parametrize(
        ("arguments", "status", "says"),
        [
            (["10.0.0.99"], 1, "No flow to 10.0.0.99 fits"),
            (["10.0.0.7", "--at", "1970-01-01T01:00:00Z"], 1, "No flow to 10.0.0.7 fits"),
            (["somewhere"], 2, "REMOTE_IP"),
            (["10.0.0.7", "--local-ip", "here"], 2, "--local-ip"),
            (["10.0.0.7", "--at", "nine"], 2, "--at"),
            ([], 2, "REMOTE_IP"),
        ],
    )
    def test_what_cannot_be_explained_is_one_sentence(self, url: str, arguments: list[str], status: int, says: str) -> None:
        done = run_weir("explain", *arguments, settings={"clickhouse_url": url}, status=status)
        assert done.stdout == "" and says in done.stderr and done.stderr.count("\n") == 1
