"""Every setting of weir: its name, default, limits and meaning. The only place where they are written down.

A field `window_seconds` is WEIR_WINDOW_SECONDS in the environment and `window_seconds` in the file that --config names.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.names import NAME_BYTES
from schemas.wire.registry import read_registry_url
from sinks.engines.url import read_url
from weir.settings.bootstrap import check_bootstrap
from weir.settings.cidrs import parse_cidrs
from weir.settings.listening import read_base_path, read_listen
from weir.settings.paths import default_state_dir
from weir.settings.receivers import read_target
from weir.settings.regions import check_regions, parse_region_cidrs, parse_region_kafka

ZONE_BYTES = 64
_KUBERNETES_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")

SecurityProtocol = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


def _clickhouse_url(url: str) -> str:
    if url:
        read_url(url)
    return url


def _registry_url(url: str) -> str:
    if url:
        read_registry_url(url)
    return url


def _receiver_url(url: str) -> str:
    if url:
        read_target(url)
    return url


def _address(text: str) -> str:
    try:
        return str(ip_address(text.removeprefix("[").removesuffix("]"))) if text else ""
    except ValueError:
        raise ValueError("it is no address; write one like 127.0.0.1 or ::1, or leave it empty for every address") from None


def _listen(text: str) -> str:
    read_listen(text)
    return text


def _base_path(text: str) -> str:
    return read_base_path(text)


def _cidrs(text: str) -> str:
    parse_cidrs(text)
    return text


def _region_cidrs(text: str) -> str:
    parse_region_cidrs(text)
    return text


def _region_kafka(text: str) -> str:
    parse_region_kafka(text)
    return text


def _plain_name(text: str) -> str:
    if not text.isprintable() or len(text.encode()) > NAME_BYTES:
        raise ValueError(f"it is over {NAME_BYTES} bytes or holds control characters; give it a plain name")
    return text


def _kubernetes_name(text: str) -> str:
    if text and not _KUBERNETES_NAME.fullmatch(text):
        raise ValueError("it is no name of Kubernetes; use lower-case letters, digits, - and .")
    return text


def _zone(text: str) -> str:
    if not text.isprintable() or len(text.encode()) > ZONE_BYTES:
        raise ValueError(f"it is over {ZONE_BYTES} bytes or holds control characters; give it a plain name, or leave it empty")
    return text


SECRETS = (
    *("kafka_sasl_password", "schema_registry_url", "clickhouse_url", "clickhouse_read_url"),
    *("alertmanager_url", "webhook_url", "webhook_secret"),
)
"""Fields that may hold a password: masked where they are shown; `<field>_file` names a file that holds one."""

Name = Annotated[str, Field(min_length=1), AfterValidator(_plain_name)]


class Settings(BaseModel):
    """All settings, checked. Immutable; paths need not exist."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    kafka_bootstrap: Annotated[str, AfterValidator(check_bootstrap)] = Field(
        "", description="Kafka's host:port list; empty: embedded, demo only"
    )
    kafka_security_protocol: SecurityProtocol = Field("plaintext", description="plaintext, ssl, sasl_plaintext or sasl_ssl")
    kafka_sasl_mechanism: SaslMechanism = Field("PLAIN", description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; with a sasl_ protocol")
    kafka_sasl_username: str = Field("", description="user name for a sasl_ protocol")
    kafka_sasl_password: str = Field("", description="password for a sasl_ protocol")
    kafka_ca_file: Path | None = Field(None, description="CA certificates in PEM; absent: the system's")
    schema_registry_url: Annotated[str, AfterValidator(_registry_url)] = Field("", description="schema registry; empty: none")
    schema_registry_ca_file: Path | None = Field(None, description="CA certificates of its https, in PEM; absent: the system's")
    clickhouse_url: Annotated[str, AfterValidator(_clickhouse_url)] = Field(
        "", description="chdb:///DIR or clickhouse://user:password@host:9000/weir?secure=1; empty: the last demo's data directory"
    )
    clickhouse_read_url: Annotated[str, AfterValidator(_clickhouse_url)] = Field(
        "", description="the same tables as a user who may only read; empty: the user of clickhouse_url, who is then sent readonly = 1"
    )
    region: Name = Field("default", description="region of agents and workers")
    network: Name = Field("default", description="network id: addresses are unique within one")
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        "",
        description="zone of this node; empty: by its label in Kubernetes, else of the metadata service of AWS, Google Cloud or Azure",
    )
    node_id: Annotated[str, AfterValidator(_plain_name)] = Field(
        "", max_length=255, description="stable name of this node; empty: made once and kept in the state directory"
    )
    kubernetes: Literal["auto", "off"] = Field(
        "auto", description="auto: in a pod of a cluster, agents take pods' names and the node's zone from its API server; off: never"
    )
    node_name: Annotated[str, AfterValidator(_plain_name)] = Field(
        "", max_length=253, description="name of this node in Kubernetes; empty: that of node_id"
    )
    cgroup: Path | None = Field(None, description="cgroup v2 subtree to watch; absent: the root")
    window_seconds: int = Field(10, ge=1, le=3600, description="length of a window in seconds")
    state_dir: Path = Field(default_factory=default_state_dir, description="spool, node identity, outbox; root: /var/lib/weir")
    spool_bytes: int = Field(268_435_456, ge=1_048_576, le=2**40, description="spool, or outbox to a region, on disk at most")
    names_file: Path | None = Field(None, description="TOML file that maps cgroup path patterns to workload names")
    map_entries: int = Field(65_536, ge=16, le=16_777_216, description="flows that one kernel map holds")
    domains: bool = Field(True, description="name external ends by what the workload asked DNS for; false: no packet's content is read")
    batch_flows: int = Field(2_000, ge=1, le=5_000, description="flows in one Kafka message at most")
    flow_batch_version: Annotated[Literal["current", "1"], BeforeValidator(str)] = Field(
        "current",
        description="schema of batches that agents, `weir replay` and, for other regions, workers write; 1: for older workers",
    )
    group: Name = Field("weir", description="consumer group that the workers of a region share")
    session_seconds: int = Field(15, ge=1, le=300, description="silence after which the group takes a worker for dead")
    hold_seconds: int = Field(30, ge=0, le=3_600, description="seconds that a flow waits at most for ownership to catch up")
    gap_seconds: int = Field(60, ge=1, le=86_400, description="a heartbeat silence of more seconds than this splits a range")
    skew_ms: int = Field(250, ge=0, le=60_000, description="milliseconds that two nodes' clocks may differ")
    dedup_seconds: int = Field(86_400, ge=60, le=31_536_000, description="seconds behind a node's newest window that count")
    dedup_entries: int = Field(20_000_000, ge=1_000, le=2_000_000_000, description="flow keys that a worker remembers at most")
    ownership_ranges: int = Field(5_000_000, ge=1_000, le=1_000_000_000, description="ownership ranges that a worker keeps at most")
    retention_seconds: int = Field(90_000, ge=60, le=31_536_000, description="seconds that workers keep ended ownership ranges")
    block_flows: int = Field(100_000, ge=1, le=1_000_000, description="flows in one insert at most, unless one message holds more")
    future_seconds: int = Field(86_400, ge=0, le=31_536_000, description="seconds that a window may be ahead of the clock")
    dead_letter_share: float = Field(0.5, ge=0, le=1, description="share of unreadable messages that ends a worker; 1: never")
    metrics_port: int = Field(0, ge=0, le=65_535, description="Prometheus metrics and /health of a part on this port; 0: none")
    metrics_address: Annotated[str, AfterValidator(_address)] = Field(
        "", description="IPv4 or IPv6 address that WEIR_METRICS_PORT listens on; empty: every address of both"
    )
    stall_seconds: int = Field(
        120, ge=1, le=86_400, description="seconds of lag without a commit, the hold not counted, that are a trouble"
    )
    kubeconfig: Path | None = Field(
        None, description="kubeconfig file that names the API server of a watcher; absent: that of its own pod's cluster"
    )
    lease_namespace: Annotated[str, AfterValidator(_kubernetes_name)] = Field(
        "", description="namespace of the Lease by which one watcher leads; empty: its pod's own, or default"
    )
    lease_name: Annotated[str, AfterValidator(_kubernetes_name)] = Field("weir-watcher", min_length=1, description="name of that Lease")
    console_listen: Annotated[str, AfterValidator(_listen)] = Field("127.0.0.1:8470", description="address and port of the console")
    console_base_path: Annotated[str, AfterValidator(_base_path)] = Field(
        "/", description="path that a proxy in front of the console serves it under"
    )
    console_access: Path | None = Field(
        None, description="TOML file that says who may see what in the console; absent: no login, on loopback alone"
    )
    prices_file: str = Field("", description="price table of transfer: aws, azure, gcp, or a TOML file; empty: nothing has a price")
    console_views: Path | None = Field(None, description="SQLite file of the console's saved views; absent: until it ends")
    detector_seconds: int = Field(300, ge=1, le=3_600, description="seconds of a step that the detector looks at when it is complete")
    detector_learning_days: int = Field(
        7, ge=0, le=366, description="days from the oldest row of the tables on in which findings are kept and told to no receiver"
    )
    alertmanager_url: Annotated[str, AfterValidator(_receiver_url)] = Field(
        "", description="Alertmanager that findings are told to: http://host:9093; empty: none"
    )
    webhook_url: Annotated[str, AfterValidator(_receiver_url)] = Field("", description="URL that findings are posted to; empty: none")
    webhook_secret: str = Field("", description="key that those posts are signed with; empty: they are not signed")
    mutes_file: Path | None = Field(None, description="TOML file of findings that receivers are not told of, until when, and why")
    cidrs: Annotated[str, AfterValidator(_cidrs)] = Field("", description="labels of outside ranges: 172.16.0.0/12=onprem,...")

    region_cidrs: Annotated[str, AfterValidator(_region_cidrs)] = Field(
        "", description="networks of every region, this one too: 10.1.0.0/16=eu,10.2.0.0/16=us; empty: one region"
    )
    region_kafka: Annotated[str, AfterValidator(_region_kafka)] = Field(
        "", description="brokers of the other regions: us=broker-1:9092;broker-2:9092,ap=broker:9092"
    )

    @model_validator(mode="after")
    def _regions_belong_together(self) -> Settings:
        check_regions(self.region, self.region_cidrs, self.region_kafka)
        return self

    @model_validator(mode="after")
    def _credentials_belong_together(self) -> Settings:
        wanted = self.kafka_security_protocol.startswith("sasl_")
        if wanted and not (self.kafka_sasl_username and self.kafka_sasl_password):
            raise ValueError(f"{self.kafka_security_protocol} needs WEIR_KAFKA_SASL_USERNAME and WEIR_KAFKA_SASL_PASSWORD; set both")
        return self
