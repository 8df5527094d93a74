"""A real Kafka with users, rights and TLS: SASL/PLAIN, SASL over TLS and TLS beside the plain port, which is its operator's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType

from tests.support.kafka import KafkaServer, free_ports

ADMIN, USER, PASSWORD = "admin", "weir", "s3cret-of-weir"  # noqa: S105

_PROPERTIES = """\
listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},SASL_PLAINTEXT://127.0.0.1:{sasl},SASL_SSL://127.0.0.1:{sasl_ssl},SSL://127.0.0.1:{ssl}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},SASL_SSL://127.0.0.1:{sasl_ssl},SSL://127.0.0.1:{ssl}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config={jaas}
listener.name.sasl_ssl.plain.sasl.jaas.config={jaas}
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.client.auth=none
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=false
"""


class SecuredKafka(KafkaServer):
    """`bootstrap`: the plain port, where anybody may do anything. `grant` gives the user `weir` rights; it has none before."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.sasl_port, self.sasl_ssl_port, self.ssl_port = free_ports(3)
        self.ca = self_signed(directory)
        path = directory / "server.properties"
        kept = [line for line in path.read_text().splitlines() if not line.startswith(("listeners=", "advertised.", "listener.security"))]
        (controller,) = [line.rpartition(":")[2] for line in kept if line.startswith("controller.quorum.voters")]
        jaas = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        ports = {
            "plain": self._port,
            "controller": controller,
            "sasl": self.sasl_port,
            "sasl_ssl": self.sasl_ssl_port,
            "ssl": self.ssl_port,
        }
        added = _PROPERTIES.format(**ports, jaas=jaas, keystore=directory / "broker.pem")
        path.write_text("\n".join([*kept, added]))

    def grant(self, kind: ResourceType, name: str, operation: AclOperation) -> None:
        """To the user `weir`, from any host."""
        binding = AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{USER}", "*", operation, AclPermissionType.ALLOW)
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        for future in client.create_acls([binding]).values():
            future.result(10)


def self_signed(directory: Path) -> Path:
    """A broker's key and certificate for 127.0.0.1 in one PEM file; returns the certificate that signs it, its own."""
    openssl = shutil.which("openssl")
    assert openssl is not None, "openssl is missing: apt-get install openssl"
    key, certificate = directory / "broker.key", directory / "broker.crt"
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=broker", "-addext", names]
    subprocess.run([openssl, *made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    (directory / "broker.pem").write_text(key.read_text() + certificate.read_text())
    return certificate
