"""`weir explain`: flows that went through a worker's own attribution into tables, and what is said of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from ipaddress import ip_network

import pytest

from schemas.addresses import parse_address, parse_addresses
from schemas.records.ip_event import IpEvent
from schemas.records.tables import BlockIdentity
from sinks.open import open_sink
from streams.attribution.cidr_labels import CidrLabels
from streams.blocks.build import build_block
from streams.dedup.state import DedupState
from streams.outputs.ip_event_writer import ip_events_table
from streams.ownership.map import OwnershipMap
from streams.ownership.observations import from_heartbeats
from tests.streams.support import address, batch, heartbeats
from tests.support.clickhouse import EngineHost
from tests.support.processes import run_weir
from weir.explain.evidence import Evidence, Question, gather
from weir.explain.verdict import duration, why

SECOND = 1_000_000
SKEW = 250_000
WORKLOADS = ("checkout", "cart", "old", "new", "job", "node/n2")
BEATS = heartbeats(
    [
        (0, address(200), 0, 60 * SECOND),
        (1, address(7), 0, 60 * SECOND),
        (2, address(9), 0, 10 * SECOND),
        (3, address(9), 40 * SECOND, 60 * SECOND),
        (2, address(10), 0, 20 * SECOND + 100_000),
        (3, address(10), 20 * SECOND + 100_000, 60 * SECOND),
        (4, address(13), 5 * SECOND, 20 * SECOND + 100_001),
        (5, address(14), 0, 60 * SECOND),
    ]
)
LABEL = "10.0.0.12/32=onprem"


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
    told = [IpEvent("default", address(11), "lb", True, 5 * SECOND)]
    teller = batch([], node="n2", beats=BEATS, workloads=WORKLOADS)
    batches = [teller, batch([7, 8, 9, 10, 11, 12, 13, 14], window=2), batch([1, 2, 3, 4], window=2, node="n3")]
    internet = parse_addresses(["8.8.8.8", "127.0.0.1", "239.1.2.3", "fe80::7"])
    batches[2] = replace(batches[2], flows=replace(batches[2].flows, remote_ip=internet))
    known.learn(from_heartbeats(batches))
    known.learn_events(told)
    built = build_block(
        BlockIdentity("weir.flows", 3, 40, 49),
        range(40, 43),
        batches,
        DedupState(horizon_us=600 * SECOND),
        partial(nullcontext, known),
        region="home",
        outside=CidrLabels([(ip_network("10.0.0.12/32"), "onprem")]),
    )
    sink.write_ip_events(ip_events_table(told))
    sink.write(built.block)
    sink.close()


@pytest.fixture
def told(url: str) -> dict[str, Evidence]:
    """Evidence by the remote address's last part."""
    sink = open_sink(url, read_only=True)
    addresses = {str(last): address(last) for last in range(7, 15)} | {
        text: parse_address(text) for text in ("8.8.8.8", "127.0.0.1", "239.1.2.3", "fe80::7")
    }
    found = {name: gather(sink, Question(ip)) for name, ip in addresses.items()}
    sink.close()
    return {name: evidence for name, evidence in found.items() if evidence is not None}


@pytest.mark.parametrize(
    ("remote", "says"),
    [
        ("7", "Node n2 said that cart held ::ffff:10.0.0.7 from 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z, all of the flow's time"),
        ("8", "No agent and no event has ever spoken for ::ffff:10.0.0.8 in network default"),
        ("9", "The nearest: old 10.0 s before and new 20.0 s after."),
        ("10", "new and old held ::ffff:10.0.0.10 within 500 ms of the flow's time, twice"),
        ("11", "Events say that lb held ::ffff:10.0.0.11 from 1970-01-01T00:00:05Z on, all of the flow's time"),
        ("12", "and WEIR_CIDRS says 10.0.0.12/32=onprem."),
        ("13", "only 100 ms more than the flow's time: less than the 250 ms by which clocks may differ"),
        ("14", "node/n2 is the node itself: several workloads share its address."),
        ("8.8.8.8", "is an address of the internet"),
        ("127.0.0.1", "is the machine itself"),
        ("239.1.2.3", "is a group (multicast or broadcast)"),
        ("fe80::7", "is link-local: every link has such an address of its own"),
    ],
)
def test_each_name_and_each_lack_of_one_has_its_reason(told: dict[str, Evidence], remote: str, says: str) -> None:
    assert says in why(told[remote], LABEL, SKEW)


def test_what_was_told_too_late_is_said_to_be_late(told: dict[str, Evidence]) -> None:
    unknown = told["8"]
    late = replace(unknown, ranges=told["7"].ranges, told_us=unknown.flow.written_us + 90 * SECOND)
    assert "came 90.0 s later, after the hold" in why(late, "", SKEW)
    assert "what is known now" in why(replace(late, told_us=0), "", SKEW)


def test_a_name_whose_range_has_gone_or_was_bridged(told: dict[str, Evidence]) -> None:
    named = told["7"]
    (held,) = named.ranges
    first, last = named.flow.first_us, named.flow.last_us
    around = (replace(held, end_us=first), replace(held, start_us=last))
    assert "do not hold that range any more." in why(replace(named, ranges=()), "", SKEW)
    assert "The silence in between" in why(replace(named, ranges=around), "", SKEW)
    short = replace(held, end_us=last - 19_999)
    assert "all of the flow's time but 20 ms, less than clocks may differ" in why(replace(named, ranges=(short,)), "", SKEW)


def test_a_label_that_is_no_longer_there(told: dict[str, Evidence]) -> None:
    assert "said onprem; here it has no label for it now." in why(told["12"], "", SKEW)
    assert "here it says 10.0.0.0/8=other now." in why(told["12"], "10.0.0.0/8=other", SKEW)


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
