"""Fixtures for every package's tests. A missing server is a failure that names the command which provides it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support.kafka import KafkaServer, delete_all_topics

# No deadline for one example: how long one takes on a machine that runs a broker and an engine beside it says nothing about the code.
hypothesis.settings.register_profile("weir", deadline=None)
hypothesis.settings.load_profile("weir")

_ONE_AT_A_TIME = (
    "bpf",
    "demo",
    "faults/test_agent_points.py",
    "infra",
    "producers",
    "integration/test_address_swap.py",
    "integration/test_conservation.py",
    "integration/test_demo_counts.py",
    "integration/test_small_map.py",
    "weir/doctor",
    "weir/test_lab.py",
)
"""What loads programs into the kernel, makes namespaces or installs packages: a machine has one of each."""


class ByMachine(LoadScopeScheduling):
    """A file's tests share its fixtures in one process; tests of the machine follow each other in one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0].removeprefix("tests/")
        return "machine" if file.startswith(_ONE_AT_A_TIME) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByMachine:
    return ByMachine(config, log)


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
