"""Why a server cannot be used: each cause told from the others, by the doctor and by the logs of agents and workers, on real servers."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, AdminClient, NewTopic, ResourceType

from producers.publish.publisher import Publisher
from schemas.errors import WeirError
from schemas.topics import FLOWS_TOPIC
from sinks.engines.errors import server_error
from sinks.open import open_engine
from tests.support.clickhouse import DebianServer, EngineHost
from tests.support.kafka import free_ports
from tests.support.processes import run_weir, wait_for, weir
from tests.support.secured_kafka import PASSWORD, USER, SecuredKafka
from weir.doctor.servers import WORKER_GRANTS, check_grants


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with SecuredKafka(tmp_path_factory.mktemp("secured") / "broker") as server:
        yield server


def found(settings: dict[str, object], part: str, role: str = "worker") -> dict[str, object]:
    done = run_weir("doctor", "--for", role, "--format", "json", settings=settings, status=None)
    rows = {row["part"]: row for row in map(json.loads, done.stdout.splitlines())}
    return dict(rows[part])


def sasl(kafka: SecuredKafka, password: str = PASSWORD, **more: object) -> dict[str, object]:
    usual = {"kafka_bootstrap": f"127.0.0.1:{kafka.sasl_port}", "kafka_security_protocol": "sasl_plaintext"}
    return {**usual, "kafka_sasl_username": USER, "kafka_sasl_password": password, **more}


def settings_of(case: str, kafka: SecuredKafka) -> dict[str, object]:
    (nobody,) = free_ports(1)
    tls: dict[str, object] = {"kafka_bootstrap": f"127.0.0.1:{kafka.ssl_port}", "kafka_security_protocol": "ssl"}
    return {
        "password": sasl(kafka, "wr0ng-password"),
        "mechanism": sasl(kafka, kafka_sasl_mechanism="SCRAM-SHA-256"),
        "no user wanted": sasl(kafka, kafka_bootstrap=kafka.bootstrap),
        "unknown CA": tls,
        "no TLS there": {**tls, "kafka_bootstrap": kafka.bootstrap},
        "TLS wanted": {"kafka_bootstrap": f"127.0.0.1:{kafka.ssl_port}"},
        "user wanted": {"kafka_bootstrap": f"127.0.0.1:{kafka.sasl_port}"},
        "name": {"kafka_bootstrap": "no-such-host.invalid:9092"},
        "nobody": {"kafka_bootstrap": f"127.0.0.1:{nobody}"},
    }[case]


CASES = {
    "password": ("refuses the user or its password", "WEIR_KAFKA_SASL_PASSWORD"),
    "mechanism": ("does not take the SASL mechanism", "WEIR_KAFKA_SASL_MECHANISM"),
    "no user wanted": ("asks for no user", "WEIR_KAFKA_SECURITY_PROTOCOL"),
    "unknown CA": ("certificate that no known CA has signed", "WEIR_KAFKA_CA_FILE"),
    "no TLS there": ("does not speak TLS at this port", "WEIR_KAFKA_SECURITY_PROTOCOL"),
    "TLS wanted": ("ends every connection", "WEIR_KAFKA_SECURITY_PROTOCOL"),
    "user wanted": ("ends every connection", "WEIR_KAFKA_SECURITY_PROTOCOL"),
    "name": ("has a name that is not known here", "DNS"),
    "nobody": ("nothing listens there", "WEIR_KAFKA_BOOTSTRAP"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_doctor_names_what_keeps_it_from_kafka(case: str, kafka: SecuredKafka) -> None:
    trouble, remedy = CASES[case]
    told = found(settings_of(case, kafka), "Kafka")
    assert not told["fit"] and trouble in str(told["remedy"]) and remedy in str(told["remedy"]), told
    assert "wr0ng-password" not in json.dumps(told)


@pytest.mark.parametrize("case", ["password", "unknown CA", "name"])
def test_a_workers_log_names_it(case: str, kafka: SecuredKafka, tmp_path: Path) -> None:
    trouble, remedy = CASES[case]
    settings = {**settings_of(case, kafka), "clickhouse_url": f"chdb://{tmp_path / 'data'}", "state_dir": tmp_path}
    with weir("worker", settings=settings) as worker:
        worker.line(f"{trouble}.*{remedy}", 60)


@pytest.mark.parametrize("case", ["password", "name", "nobody"])
def test_an_agents_log_names_it(case: str, kafka: SecuredKafka, caplog: pytest.LogCaptureFixture) -> None:
    trouble, remedy = CASES[case]
    given = settings_of(case, kafka)
    security = {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": USER, "sasl.password": "wr0ng-password"}
    publisher = Publisher(str(given["kafka_bootstrap"]), config=security if case == "password" else {})
    publisher.offer(FLOWS_TOPIC, b"n1", b"value")
    wait_for(lambda: (publisher.poll(0.1), "Messages wait: " in caplog.text)[1], 30, "a word of the trouble")
    publisher.close()
    assert trouble in caplog.text and remedy in caplog.text


def test_missing_rights_are_named_one_by_one(kafka: SecuredKafka, tmp_path: Path) -> None:
    run_weir("topics", settings={"kafka_bootstrap": kafka.bootstrap})
    told = found(sasl(kafka), "Kafka rights", "all")
    wanted = (
        "READ on group weir, READ on topic weir.flows, READ on topic weir.ip-events, READ on topic weir.ownership, "
        "WRITE on topic weir.attributed, WRITE on topic weir.dead-letter, WRITE on topic weir.flows, WRITE on topic weir.ownership"
    )
    assert (told["fit"], told["found"]) == (False, f"User:{USER} has not {wanted}")
    kafka.grant(ResourceType.TOPIC, FLOWS_TOPIC, AclOperation.WRITE)
    wait_for(lambda: found(sasl(kafka), "Kafka rights", "agent")["fit"], 30, "the right to be known")
    for topic in ("weir.flows", "weir.ip-events", "weir.ownership"):
        kafka.grant(ResourceType.TOPIC, topic, AclOperation.READ)
    for topic in ("weir.ownership", "weir.attributed", "weir.dead-letter"):
        kafka.grant(ResourceType.TOPIC, topic, AclOperation.WRITE)
    kafka.grant(ResourceType.TOPIC, "weir.agent-config", AclOperation.DESCRIBE)
    settings = {**sasl(kafka), "clickhouse_url": f"chdb://{tmp_path / 'data'}", "state_dir": tmp_path, "hold_seconds": 1}
    with weir("worker", settings=settings) as worker:
        worker.line("refuses the user the right READ on group weir: grant it", 60)
        kafka.grant(ResourceType.GROUP, "weir", AclOperation.READ)
        worker.line(r"assigned partitions \[\d", 60)
        worker.stop()
    assert found(sasl(kafka), "Kafka rights")["fit"]


def test_a_topic_that_may_not_be_seen_is_not_called_missing(kafka: SecuredKafka) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    admin.create_topics([NewTopic("other", 1, 1)])["other"].result(10)
    done = run_weir("topics", settings={**sasl(kafka), "region_cidrs": "10.0.0.0/8=eu", "region": "eu"}, status=None)
    assert "neither shows the user topic" in done.stderr


# ClickHouse.


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineHost]:
    with EngineHost(tmp_path_factory.mktemp("engine"), password=PASSWORD) as server:
        yield server


@contextmanager
def listening(context: ssl.SSLContext | None) -> Iterator[int]:
    """A port that takes connections and ends them: with TLS, as a TLS port does, or without a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    taken, _ = server.accept()
                    with taken:
                        if context is not None:
                            context.wrap_socket(taken, server_side=True)
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def clickhouse(address: str) -> str:
    told = found({"clickhouse_url": address}, "ClickHouse")
    assert not told["fit"]
    return str(told["remedy"])


def test_the_doctor_names_what_keeps_it_from_clickhouse(host: EngineHost, kafka: SecuredKafka, tmp_path: Path) -> None:
    (nobody,) = free_ports(1)
    assert "refuses the user or its password" in clickhouse(f"clickhouse://default:wr0ng@127.0.0.1:{host.port}/weir")
    assert "nothing listens there" in clickhouse(f"clickhouse://127.0.0.1:{nobody}/weir")
    assert "its name is not known here" in clickhouse("clickhouse://no-such-host.invalid:9000/weir")
    with DebianServer(tmp_path / "debian") as plain:
        assert "does not speak TLS at this port" in clickhouse(f"clickhouse://127.0.0.1:{plain.port}/weir?secure=1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(kafka.ca.with_suffix(".crt"), kafka.ca.with_suffix(".key"))
    with listening(context) as port:
        assert "signed by no CA known here" in clickhouse(f"clickhouse://127.0.0.1:{port}/weir?secure=1")
    with listening(None) as port:
        assert "Where the port wants TLS, add ?secure=1" in clickhouse(f"clickhouse://127.0.0.1:{port}/weir")


def test_the_doctor_asks_for_each_right_of_clickhouse(host: EngineHost) -> None:
    """The tests' engine gives every right that workers need and cannot be told otherwise: others, which it does not give, are asked for."""
    assert found({"clickhouse_url": host.url}, "ClickHouse rights")["found"] == "all that workers need"
    with closing(open_engine(host.url, read_only=True)) as engine:
        (finding,) = check_grants(engine, (*WORKER_GRANTS, "CREATE USER ON *.*", "SHOW USERS ON *.*"))
    assert (finding.fit, finding.found) == (False, "the user has not CREATE USER ON *.*, SHOW USERS ON *.*")


def test_a_missing_right_of_clickhouse_is_named(host: EngineHost) -> None:
    """One that the tests' engine refuses, and one in the words of a server whose user may only read."""
    with closing(open_engine(host.url)) as engine, pytest.raises(WeirError, match="refuses the user the right CREATE USER ON "):
        engine.execute("CREATE USER somebody")
    said = "weir_reader: Not enough privileges. To execute this query, it's necessary to have the grant INSERT(a, b) ON weir.flows"
    told = str(server_error("ClickHouse at h:9000", 497, f"Code: 497. DB::Exception: {said}."))
    assert told.startswith("ClickHouse at h:9000 refuses the user the right INSERT(a, b) ON weir.flows (code 497): ")
