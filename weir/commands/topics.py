"""`weir topics`: creates the Kafka topics, or checks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click import IntRange, option

from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from weir.kafka.topics import TopicState


@make("topics")
@option("--check", is_flag=True, help="Only report: status 0 if every topic is fit, 1 otherwise.")
@option("--flow-partitions", type=IntRange(1, 10_000), default=8, show_default=True, help="Partitions of weir.flows if it is created now.")
@option("--replication", type=IntRange(1, 100), help="Copies of a topic that is created now; absent: the broker's default.")
def command(run: Run, check: bool, flow_partitions: int, replication: int | None) -> int:
    """Creates the Kafka topics that are missing, and reports on all of them. What exists is never changed."""
    settings = run.kafka_settings()
    from weir.kafka.topics import create_topics, topic_states, wanted_topics
    from weir.output.tables import show_table

    wanted = wanted_topics(settings, flow_partitions)
    made = () if check else create_topics(settings, wanted, replication=replication or -1)
    states = topic_states(settings, wanted)
    show_table(("topic", "partitions", "configuration", "state"), [_row(state, state.topic.name in made) for state in states])
    return 1 if any(state.complaint for state in states) else 0


def _row(state: TopicState, new: bool) -> tuple[str, str, str, str]:
    """The wanted configuration; of the partitions, as many as there are."""
    topic = state.topic
    config = " ".join(f"{name}={value}" for name, value in sorted(topic.config.items()))
    verdict = state.complaint or ("created" if new else "fit")
    return topic.name, str(topic.partitions if state.partitions is None else state.partitions), config, verdict
