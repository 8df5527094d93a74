"""One cluster, one installation and one shop for all tests of the run; each step's time is told at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import PROGRAMS, SERVER, apply, patch, rolled_out
from tests.cluster.installed import Release
from tests.cluster.shop.collector import Collector
from tests.cluster.shop.objects import BALANCED_IP, NAMESPACE, objects
from tests.cluster.shop.trade import Shop
from tests.cluster.tables import Tables
from tests.support.clickhouse import EngineHost
from tests.support.kafka import KafkaServer

Say = Callable[[str], None]

_SAID = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SAID] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[_SAID]:
        terminalreporter.section("seen on the cluster")
        terminalreporter.write("\n".join(config.stash[_SAID]) + "\n")


@pytest.fixture(scope="session")
def seen(pytestconfig: pytest.Config) -> Say:
    """Keeps a line for the end of the run: what was measured."""
    return pytestconfig.stash[_SAID].append


@pytest.fixture(scope="session")
def kafka_beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    assert PROGRAMS, "no cluster is there: these tests run by `make test-cluster`"
    with KafkaServer(tmp_path_factory.mktemp("kafka") / "broker", SERVER) as server:
        yield server


@pytest.fixture(scope="session")
def engine_beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineHost]:
    with EngineHost(_data(tmp_path_factory), "secret", SERVER) as engine:
        yield engine


def _data(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("clickhouse") / "data"


@pytest.fixture(scope="session")
def release(kafka_beside: KafkaServer, engine_beside: EngineHost, seen: Say) -> Release:
    """weir, installed and ready."""
    release = Release(kafka_beside.bootstrap, engine_beside.url)
    begin = time.monotonic()
    release.install()
    seen(f"helm install until every part is ready: {time.monotonic() - begin:.0f} s")
    return release


@pytest.fixture(scope="session")
def tables(engine_beside: EngineHost, release: Release) -> Tables:
    return Tables(engine_beside)


@pytest.fixture(scope="session")
def shop(release: Release, tables: Tables, seen: Say) -> Iterator[Shop]:
    """The shop, ready and quiet."""
    with Collector(SERVER) as collector:
        begin = time.monotonic()
        made = objects("localhost/weir-worker:test", collector.address)
        apply(made)
        balanced = {"status": {"loadBalancer": {"ingress": [{"ip": BALANCED_IP}]}}}
        patch(NAMESPACE, "service", "catalog-balanced", balanced, "--subresource=status")
        running = [each for each in made if each["kind"] in ("DaemonSet", "Deployment", "StatefulSet")]
        rolled_out(NAMESPACE, *(f"{each['kind']}/{each['metadata']['name']}" for each in running))
        seen(f"the shop's {len(made)} objects until its pods are ready: {time.monotonic() - begin:.0f} s")
        tables.settled()
        yield Shop(collector, tables)
