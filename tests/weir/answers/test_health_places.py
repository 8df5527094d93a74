"""Which node or zone is at fault: what most of the servers in trouble, or of the clients, have in common, and most others have not."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from sinks.engines.base import Engine
from sinks.filter.parse import parse
from sinks.queries.spans import Span
from sinks.queries.status import ask_oldest
from tests.support.edge_hours import END_S, Steady, filled
from weir.answers.health import HealthQuestion, health
from weir.detector.health_watch import HealthWatch

BROKEN_S = END_S - 1_800


def failing(where: str, count: int, server_nodes: tuple[str, ...], servers: int = 10, **more: str) -> list[Steady]:
    """As many clients, of up to so many servers, of which each has another of the nodes, or all."""
    return [
        Steady(f"{where}/web-{at}", f"{where}/db-{at % servers}", server_nodes=nodes, failing=400, failing_s=BROKEN_S, **more)  # type: ignore[arg-type]
        for at in range(count)
        for nodes in [tuple(node.format(at % 3) for node in server_nodes)]
    ]


EDGES = (
    *failing("same", 3, ("n7",), server_zone="eu-1b"),
    *failing("near", 9, ("n{}",), server_zone="eu-1b"),
    *failing("many", 3, ("n7", "n7", "n{}")),
    *failing("from", 3, ("n{}",), servers=2, server_zone="eu-1b", node="n8"),
    *(
        Steady(f"{where}/well-{number}", f"{where}/fine-{number}", server_nodes=(f"n{number}",))
        for where, count in (("same", 4), ("near", 9), ("many", 4), ("from", 4))
        for number in range(count)
    ),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    nodes = {node: END_S for node in ("n0", "n1", "n2", "n3", "n7", "n8")}
    with filled(tmp_path_factory.mktemp("places") / "data", EDGES, nodes) as opened:
        yield opened


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        pytest.param("same", "node n7", id="the node of the servers, and not the zone that it is in"),
        pytest.param("near", "zone eu-1b", id="the zone of servers on three nodes"),
        pytest.param("many", "", id="a server of which one node has two thirds is of none"),
        pytest.param("from", "node n8", id="the node of three clients of two servers"),
    ],
)
def test_what_those_in_trouble_have_in_common_is_at_fault(engine: Engine, where: str, fault: str) -> None:
    question = HealthQuestion(Span(END_S - 3_600, END_S), END_S, parse(f"client_namespace={where}"))
    found = health(engine.ask, ask_oldest(engine.ask), question)
    assert len(found.ills) >= 3
    assert {(ill.signal, ill.client.split("/")[0], ill.fault) for ill in found.ills} == {("failure", where, fault)}


def test_a_detectors_findings_say_what_they_have_in_common(engine: Engine) -> None:
    look = HealthWatch().look(engine.ask, Span(END_S - 300, END_S), ask_oldest(engine.ask), {})
    faults = {sighting.key.subject: orjson.loads(sighting.evidence)["fault"] for sighting in look.seen}
    assert faults == {edge.client: "" if edge.client.startswith("many/") else "zone eu-1b" for edge in EDGES if edge.failing}
