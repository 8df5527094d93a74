"""Which region an address belongs to and where its Kafka is: read as written, or refused with the part at fault."""

from __future__ import annotations

import ipaddress

import pytest

from schemas.errors import SettingError
from schemas.topics import forward_topic
from weir.doctor.regions import check_regions
from weir.kafka.topics import create_topics, wanted_topics
from weir.settings.catalogue import Settings
from weir.settings.regions import parse_region_cidrs, parse_region_kafka
from weir.settings.sources import load_settings

CIDRS = "10.1.0.0/16=eu, 10.2.0.0/16=us, 10.1.7.0/24=us, 2001:db8::/32=us"


def load(region: str, cidrs: str, kafka: str) -> Settings:
    return load_settings(environment={"WEIR_REGION": region, "WEIR_REGION_CIDRS": cidrs, "WEIR_REGION_KAFKA": kafka}).settings


def test_what_is_written_is_read() -> None:
    settings = load("eu", CIDRS, "us=a.us:9092; b.us:9093")
    assert parse_region_kafka(settings.region_kafka) == {"us": "a.us:9092,b.us:9093"}
    assert parse_region_cidrs(settings.region_cidrs)[2] == (ipaddress.ip_network("10.1.7.0/24"), "us")


def test_where_others_forward_to_there_is_a_topic_for_it() -> None:
    assert "weir.forward.eu" in {topic.name for topic in wanted_topics(load("eu", "10.1.0.0/16=eu", ""))}
    assert not any("forward" in topic.name for topic in wanted_topics(Settings()))


@pytest.mark.parametrize(
    ("region", "cidrs", "kafka", "said"),
    [
        ("eu", "10.1.0.0/16", "", "has no label"),
        ("eu", "10.1.0.0/16=us,10.1.0.0/16=ap", "us=a:1,ap=b:1", "10.1.0.0/16 appears twice, as 'us' and as 'ap'"),
        ("eu", "10.1.0.0/16=u s", "u s=a:1", "region 'u s' of 10.1.0.0/16 cannot be in a topic's name"),
        ("e u", "10.1.0.0/16=us", "us=a:1", "WEIR_REGION='e u' cannot be in a topic's name"),
        ("eu", CIDRS, "", "region 'us' and WEIR_REGION_KAFKA does not say where"),
        ("eu", CIDRS, "us=a:1,eu=b:1", "names 'eu', which is this region"),
        ("eu", CIDRS, "us=a:1,ap=b:1", "region 'ap', of which WEIR_REGION_CIDRS has no network"),
        ("eu", "", "us=a:1", "region 'us', of which WEIR_REGION_CIDRS has no network"),
        ("eu", CIDRS, "us=a:1,us=b:1", "region 'us' appears twice"),
        ("eu", CIDRS, "us=a", "'a' is not host:port"),
        ("eu", CIDRS, "us=", "names no region or no broker"),
        ("eu", CIDRS, "=a:1", "names no region or no broker"),
        ("eu", CIDRS, "a:1", "names no region or no broker"),
    ],
)
def test_what_cannot_be_meant_is_refused(region: str, cidrs: str, kafka: str, said: str) -> None:
    with pytest.raises(SettingError) as caught:
        load(region, cidrs, kafka)
    sentence = str(caught.value)
    assert said in sentence and sentence.endswith(".") and sentence.isprintable()


def test_the_doctor_looks_at_the_other_regions(clean_kafka: str) -> None:
    settings = load("eu", "10.1.0.0/16=eu,10.2.0.0/16=us,10.3.0.0/16=ap", f"us={clean_kafka},ap=127.0.0.1:9")
    us, ap = check_regions(settings)
    assert (us.part, us.fit, us.remedy) == ("Kafka of us", False, "run `weir topics` in us, with WEIR_REGION_CIDRS set there")
    assert (ap.part, ap.fit, ap.found) == ("Kafka of ap", False, "127.0.0.1:9 does not answer") and "WEIR_REGION_KAFKA" in ap.remedy
    create_topics(Settings(kafka_bootstrap=clean_kafka), [forward_topic("us")])
    assert check_regions(settings)[0].fit
    assert check_regions(Settings()) == ()
