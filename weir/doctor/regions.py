"""The other regions: whether their Kafka answers, and has a place for what is forwarded there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import WeirError
from schemas.topics import forward_name, forward_topic
from weir.doctor.finding import Finding
from weir.settings.regions import parse_region_kafka

if TYPE_CHECKING:
    from weir.settings.catalogue import Settings

KAFKA_SECONDS = 5.0


def check_regions(settings: Settings) -> tuple[Finding, ...]:
    """One finding for each other region; none where there is none."""
    return tuple(_check(settings, region, servers) for region, servers in parse_region_kafka(settings.region_kafka).items())


def _check(settings: Settings, region: str, servers: str) -> Finding:
    from weir.kafka.topics import topic_states

    part = f"Kafka of {region}"
    try:
        there = settings.model_copy(update={"kafka_bootstrap": servers})
        (state,) = topic_states(there, [forward_topic(region)], timeout=KAFKA_SECONDS)
    except WeirError:
        remedy = f"check WEIR_REGION_KAFKA, and that {servers} runs and can be reached from here; what is for {region} waits meanwhile"
        return Finding(part, False, f"{servers} does not answer", remedy)
    if missing := _missing_rights(there, region):
        return Finding(part, False, f"{servers} refuses the user {', '.join(missing)}", "grant it with kafka-acls.sh")
    remedy = f"run `weir topics` in {region}, with WEIR_REGION_CIDRS set there" if state.missing else state.complaint
    return Finding(part, not remedy, f"{servers} answers" + (f" and has no topic {state.topic.name}" if state.missing else ""), remedy)


def _missing_rights(there: Settings, region: str) -> list[str]:
    """Empty where the broker does not say."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    from streams.kafka_rights import missing_rights, region_rights
    from weir.kafka.client import client_config, quiet_logger

    try:
        return missing_rights(AdminClient(client_config(there), logger=quiet_logger()), region_rights(forward_name(region)))
    except KafkaException:
        return []
