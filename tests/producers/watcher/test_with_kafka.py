"""What a watcher tells to a real Kafka can be read back: by any reader, and by the next watcher."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from producers.publish.publisher import Publisher
from producers.watcher.client import ClientTransport
from producers.watcher.endpoints import Key
from producers.watcher.informers import PATHS
from producers.watcher.inherited import Inherited, read_inherited
from producers.watcher.watcher import Watcher
from schemas.errors import Unavailable
from schemas.topics import IP_EVENTS_TOPIC, TOPICS
from schemas.wire.framing import Framer
from tests.producers.kubernetes.fake_api import FakeApi
from tests.producers.watcher.fakes import FakeLeases, client_to
from tests.producers.watcher.raw import piece, service, thing
from tests.producers.watcher.test_services import VIP, key
from tests.support.processes import wait_for


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as server:
        for path in PATHS.values():
            server.bookmark(path)
        for owner in ("a", "b"):
            server.put(PATHS["deployments"], thing(owner))
            server.put(PATHS["replicasets"], thing(f"{owner}-1", owner=("Deployment", owner)))
            server.put(PATHS["pods"], thing(f"{owner}1", owner=("ReplicaSet", f"{owner}-1")))
        server.put(PATHS["services"], service("web", [VIP]))
        server.put(PATHS["endpointslices"], piece("web-a", "web", ["a1"]))
        yield server


def make_topic(bootstrap: str) -> None:
    (topic,) = (topic for topic in TOPICS if topic.name == IP_EVENTS_TOPIC)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic.name, topic.partitions, 1, config=topic.config)])[topic.name].result()


def read(bootstrap: str) -> Inherited:
    return read_inherited({"bootstrap.servers": bootstrap}, Framer(), "net", threading.Event())


def found(bootstrap: str) -> Inherited | None:
    """None where Kafka does not show the topic yet."""
    try:
        return read(bootstrap)
    except Unavailable:
        return None


def run_until(api: FakeApi, bootstrap: str, wanted: dict[Key, tuple[str, ...]]) -> None:
    """A watcher from start to end, which tells these workloads by address."""
    publisher, client, stop = Publisher(bootstrap), client_to(api), threading.Event()
    watcher = Watcher(
        "net",
        "w",
        transport=lambda: ClientTransport(client),
        leases=FakeLeases(),
        outlet=publisher,
        framer=Framer(),
        inherit=lambda: read(bootstrap),
        inherit_seconds=0.0,
    )
    running = threading.Thread(target=watcher.run, args=(stop,), daemon=True)
    running.start()
    try:
        wait_for(lambda: read(bootstrap).addresses == wanted, 60, f"{wanted} to be told; health: {watcher.health()}")
    finally:
        stop.set()
        running.join(30)
        publisher.close()


def test_what_was_told_is_read_back_and_goes_on_with_the_next_watcher(clean_kafka: str, api: FakeApi) -> None:
    make_topic(clean_kafka)
    wait_for(lambda: found(clean_kafka) == Inherited("net"), 30, "the topic to be there")
    run_until(api, clean_kafka, {key(VIP): ("shop/a",)})
    assert {(told.kind, told.name, told.exists) for told in read(clean_kafka).workloads.values()} == {
        ("Deployment", "shop/a", True),
        ("Deployment", "shop/b", True),
    }
    # No watcher sees that the service is given other backends; pods that it had live on.
    api.put(PATHS["endpointslices"], piece("web-a", "web", ["b1"]))
    api.remove(PATHS["deployments"], "shop", "b")
    run_until(api, clean_kafka, {key(VIP): ("shop/a", "shop/b")})
    assert [told.name for told in read(clean_kafka).workloads.values() if not told.exists] == ["shop/b"]


def test_a_kafka_without_the_topic_is_said_to_be_unavailable(clean_kafka: str) -> None:
    with pytest.raises(Unavailable, match=f"Kafka does not give {IP_EVENTS_TOPIC} to read"):
        read(clean_kafka)
