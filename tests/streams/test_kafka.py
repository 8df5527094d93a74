"""What a change of topics is, and who of a group is idle by right."""

from __future__ import annotations

import pytest

from streams.kafka import GroupShare, Kafka, TopicFacts

NOT_SHARED = "no partitions, although 1 of 3 workers have none of 8 partitions: start this worker again"
FACTS = TopicFacts({"weir.flows": 8, "weir.ownership": 1}, {"weir.flows": "a", "weir.ownership": "b"})


@pytest.mark.parametrize(
    ("partitions", "ids", "said"),
    [
        ({"weir.flows": 8, "weir.ownership": 1}, {"weir.flows": "a", "weir.ownership": "b"}, ""),
        (
            {"weir.flows": 8, "weir.ownership": 1},
            {"weir.flows": "a", "weir.ownership": "c"},
            "Kafka has another topic weir.ownership than before: it was deleted and made anew",
        ),
        (
            {"weir.flows": 12, "weir.ownership": 1},
            {"weir.flows": "a", "weir.ownership": "b"},
            "topic weir.flows has 12 partitions now, and had 8",
        ),
    ],
)
def test_what_has_changed_is_said(partitions: dict[str, int], ids: dict[str, str], said: str) -> None:
    assert FACTS.change_to(TopicFacts(partitions, ids)) == said


@pytest.mark.parametrize(
    ("share", "said", "by_right"),
    [
        (
            GroupShare(8, (4, 4, 0), True),
            "no partitions, although 1 of 3 workers have none of 8 partitions: start this worker again",
            False,
        ),
        (GroupShare(8, (4, 0), True), "no partitions, although 4 of 8 partitions are nobody's: start this worker again", False),
        (GroupShare(2, (1, 1, 0), True), "no partitions: 3 workers share 2, and this one is in reserve", True),
        (GroupShare(8, (0, 0), False), "no partitions: the group is sharing them out", True),
    ],
)
def test_why_a_worker_is_idle(share: GroupShare, said: str, by_right: bool) -> None:
    assert share.of_an_idle_member() == (said, by_right)


def test_a_clients_settings_have_librdkafkas_names() -> None:
    kafka = Kafka("here:9092", {"sasl.username": "weir"})
    assert kafka.client(group_id="g") == {"bootstrap.servers": "here:9092", "group.id": "g", "sasl.username": "weir"}
