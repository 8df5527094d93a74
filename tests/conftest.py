"""Fixtures for every package's tests. A missing server is a failure that names the command which provides it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support.kafka import KafkaServer, delete_all_topics
from tests.support.processes import PATIENCE

# No deadline for one example: how long one takes on a machine that runs a broker and an engine beside it says nothing about the code.
hypothesis.settings.register_profile("weir", deadline=None)
hypothesis.settings.load_profile("weir")

_NEEDS = {
    "bpf": "kernel",
    "cluster": "cluster",
    "console": "browser",
    "demo": "kernel",
    "demo/scale": "long",
    "faults": "servers",
    "faults/test_agent_points.py": "kernel",
    "infra/test_capabilities.py": "kernel",
    "infra/test_chart.py": "machine",
    "infra/test_compose.py": "machine",
    "infra/test_kafka_server.py": "servers",
    "infra/test_policies.py": "machine",
    "infra/test_setup.py": "machine",
    "integration": "servers",
    "integration/test_address_swap.py": "kernel",
    "integration/test_conservation.py": "kernel",
    "integration/test_demo_counts.py": "kernel",
    "integration/test_path.py": "kernel",
    "integration/test_small_map.py": "kernel",
    "producers/identity": "kernel",
    "producers/spool/test_power_cut.py": "kernel",
    "producers/test_agent.py": "kernel",
    "producers/test_agent_http.py": "kernel",
    "producers/test_agent_kubernetes.py": "kernel",
    "producers/test_remote_domains.py": "kernel",
    "sinks": "long",
    "sinks/engines/test_debian_server.py": "servers",
    "sinks/exactly_once/test_power_cut.py": "kernel",
    "sinks/exactly_once/test_power_cut_rewrites.py": "kernel",
    "sinks/filter": "",
    "sinks/filter/test_same_as_sql.py": "long",
    "streams/attribution/test_simulated.py": "long",
    "streams/forwarding/test_power_cut.py": "kernel",
    "streams/insights/forecast/test_bars.py": "long",
    "streams/insights/health/test_simulated.py": "long",
    "streams/insights/security/test_simulated.py": "long",
    "streams/test_dropped.py": "long",
    "weir/answers/test_cost.py": "long",
    "weir/answers/test_health.py": "long",
    "weir/answers/test_path.py": "long",
    "weir/answers/test_segments.py": "long",
    "weir/api": "long",
    "weir/commands/test_forecast.py": "long",
    "weir/commands/test_health.py": "long",
    "weir/commands/test_path.py": "long",
    "weir/commands/test_query.py": "long",
    "weir/commands/test_query_filters.py": "long",
    "weir/commands/test_recordings.py": "servers",
    "weir/detector/test_security_watch.py": "long",
    "weir/detector/test_with_kafka.py": "servers",
    "weir/doctor": "kernel",
    "weir/explain": "long",
    "weir/kafka": "servers",
    "weir/test_lab.py": "kernel",
}
"""What the tests below a path need, as a marker of pyproject.toml; the longest path that matches counts."""

_ONE_AT_A_TIME = {"kernel": "machine", "machine": "machine", "browser": "browser"}
"""Markers whose tests follow each other in one process, and that process's name: a machine has one kernel and one set of packages, and a
browser beside another would wait for the processor and not for the page.
"""

_FIRST = (*_ONE_AT_A_TIME, "faults/test_short_plan.py", "weir/explain/test_explain.py", "servers", "long")
"""Markers and files in the order of their turn, and all others behind them: what occupies one process for long begins early, and the
many short files fill the processes up to the same end.
"""

CLUSTER = Path(__file__).parent / "cluster"

_SERVER_FIXTURES = {"kafka", "clean_kafka", "fresh_kafka"}


def _need(nodeid: str) -> str:
    """The marker of a test by its file; empty: it needs nothing but the virtual environment."""
    parts = nodeid.partition("::")[0].removeprefix("tests/").split("/")
    paths = ("/".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((_NEEDS[path] for path in paths if path in _NEEDS), "")


def _turn(item: pytest.Item) -> int:
    file = item.nodeid.partition("::")[0].removeprefix("tests/")
    return min((place for place, name in enumerate(_FIRST) if name in (file, _need(item.nodeid))), default=len(_FIRST))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """One factor for all deadlines: that of a whole test is pyproject.toml's times PATIENCE, unless --timeout gives another."""
    if config.option.timeout is None:
        config.option.timeout = float(config.getini("timeout")) * PATIENCE


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What needs a cluster is run where it is named: `make test-cluster` does."""
    named = (Path(config.invocation_params.dir, argument.partition("::")[0]) for argument in config.args)
    return True if collection_path == CLUSTER and not any(each.is_relative_to(CLUSTER) for each in named) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if need := _need(item.nodeid):
            item.add_marker(need)
        if _SERVER_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("servers")
    items.sort(key=_turn)


class ByMachine(LoadScopeScheduling):
    """A file's tests share its fixtures in one process; tests of the machine, and those of the browser, follow each other in one."""

    def _split_scope(self, nodeid: str) -> str:
        return _ONE_AT_A_TIME.get(_need(nodeid)) or nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByMachine:
    return ByMachine(config, log)


@pytest.fixture(scope="session", autouse=True)
def _no_setting_of_weir() -> None:
    """The factor is read by now, and weir refuses a WEIR_ variable that it does not know."""
    os.environ.pop("WEIR_TEST_PATIENCE", None)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of the session's broker. Topics of other tests are there: use groups and topics of your own."""
    with KafkaServer(tmp_path_factory.mktemp("kafka") / "broker") as server:
        yield server.bootstrap


@pytest.fixture
def clean_kafka(kafka: str) -> str:
    """Bootstrap address of the session's broker with no topic and no committed offset. Groups keep members killed a moment ago."""
    delete_all_topics(kafka)
    return kafka


@pytest.fixture
def fresh_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker of the test's own (3 s), empty, to be stopped, killed and started at will."""
    with KafkaServer(tmp_path / "broker") as server:
        yield server
