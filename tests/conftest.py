"""Fixtures for every package's tests. A missing server is a failure that names the command which provides it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.kafka import KafkaServer, delete_all_topics

# No deadline for one example: how long one takes on a machine that runs a broker and an engine beside it says nothing about the code.
hypothesis.settings.register_profile("weir", deadline=None)
hypothesis.settings.load_profile("weir")

_ONE_AT_A_TIME = (
    "bpf",
    "demo",
    "infra",
    "producers",
    "integration/test_address_swap.py",
    "integration/test_conservation.py",
    "integration/test_demo_counts.py",
    "integration/test_small_map.py",
    "weir/test_checks.py",
    "weir/test_lab.py",
)
"""What loads programs into the kernel, makes namespaces or installs packages: a machine has one of each."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes (`-n`): a file's tests share its fixtures in one of them; tests of the machine follow each other."""
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here).as_posix()
        group = "machine" if place.startswith(_ONE_AT_A_TIME) else place
        item.add_marker(pytest.mark.xdist_group(group))


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
