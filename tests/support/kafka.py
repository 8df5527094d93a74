"""A real Apache Kafka for tests: KRaft, broker and controller in one process, from the jars that `make setup-test` fetched.

It is reached on loopback, or where it is told to listen, keeps port and data over `kill` and `start`, and creates no topic by itself.
"""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import uuid
from pathlib import Path
from types import TracebackType

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.containers import Contained, launch, listens_on
from tests.support.processes import ROOT, Child, wait_for

JARS = ROOT / ".cache" / "kafka" / "libs"
START_SECONDS = 60

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://{listen}:{client},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://{host}:{client}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""

LOGGING = """\
status=warn
appender.file.type=Console
appender.file.name=file
appender.file.target=SYSTEM_ERR
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %m (%c)%n
rootLogger.level=warn
rootLogger.appenderRef.file.ref=file
"""

JVM = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


class KafkaServer:
    """One broker over `directory`. `start` after `kill` or `stop` finds the same port and the same data."""

    def __init__(self, directory: Path, host: str = "127.0.0.1") -> None:
        java = shutil.which("java")
        if java is None or not JARS.is_dir():
            raise AssertionError(f"Apache Kafka needs {'its jars in ' + str(JARS) if java else 'Java'}: run `make setup-test`")
        self._java = java
        self._host = host
        self.directory = directory
        self._port, controller = free_ports(2)
        self._child: Child | Contained | None = None
        self._format(controller)

    @property
    def bootstrap(self) -> str:
        return f"{self._host}:{self._port}"

    def start(self) -> KafkaServer:
        """Starts the broker and returns once a client has been answered."""
        logging = f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}"
        argv = [self._java, *JVM, logging, "-cp", f"{JARS}/*", "kafka.Kafka", str(self.directory / "server.properties")]
        self._child = launch(argv, name="Apache Kafka", directory=self.directory, port=self._port, needs=(JARS,))
        try:
            self._child.until(self._answers, START_SECONDS, f"an answer on {self.bootstrap}")
        except AssertionError:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """A clean shut-down, as in a rolling upgrade."""
        if self._child is not None:
            self._child.stop(status=None)
            self._close()

    def kill(self) -> None:
        """SIGKILL: what the broker had not written to the page cache is gone."""
        if self._child is not None:
            self._child.kill()
            self._close()

    def restart(self) -> None:
        self.kill()
        self.start()

    def _close(self) -> None:
        if self._child is not None:
            self._child.__exit__(None, None, None)
            self._child = None

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, KafkaException):
            # librdkafka backs off for a second after a refusal: the port is asked first
            socket.create_connection((self._host, self._port), 1).close()
            client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
            return bool(client.list_topics(timeout=5).brokers)
        return False

    def _format(self, controller: int) -> None:
        """What Kafka's StorageTool would write, without a second JVM."""
        data = self.directory / "data"
        data.mkdir(parents=True)
        identities = f"cluster.id={_kafka_uuid()}\nnode.id=1\ndirectory.id={_kafka_uuid()}\n"
        (data / "meta.properties").write_text("version=1\n" + identities)
        text = PROPERTIES.format(listen=listens_on(self._host), host=self._host, client=self._port, controller=controller, data=data)
        (self.directory / "server.properties").write_text(text)
        (self.directory / "log4j2.properties").write_text(LOGGING)

    def __enter__(self) -> KafkaServer:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()


def delete_all_topics(bootstrap: str) -> None:
    """Removes every topic that is not Kafka's own, and with them the offsets committed on them; returns when none is listed."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def named() -> list[str]:
        return [name for name in client.list_topics(timeout=10).topics if not name.startswith("__")]

    if names := named():
        for future in client.delete_topics(names, operation_timeout=10).values():
            future.result()
        wait_for(lambda: not named(), 10, "the topics to go")


def _kafka_uuid() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on: held together, so that they differ, then let go."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [held.getsockname()[1] for held in sockets]
