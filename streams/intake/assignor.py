"""Faust's assignor with weir's rule of sharing (`streams.intake.spread`). What members and leader tell each other stays Faust's own.

Protocol name and messages are those of `faust.assignor.PartitionAssignor`, so that workers with either rule are one group: the leader's
rule holds. A member adds to its message the generation that its claims are of; Faust's reader passes over what it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

import orjson
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from faust.assignor import PartitionAssignor
from faust.assignor.client_assignment import ClientAssignment

from streams.intake.spread import Member, spread

_GENERATION = "generation"


class SpreadAssignor(PartitionAssignor):
    """Runs in the consumer's thread. Knows no tables and no standbys: a weir worker has none."""

    def metadata(self, topics: set[str]) -> ConsumerProtocolMemberMetadata:
        """What this member says as it joins: its partitions as of the last generation that it was given any in."""
        told = orjson.loads(self._metadata.dumps()) | {_GENERATION: self.app.consumer_generation_id}
        return ConsumerProtocolMemberMetadata(self.version, sorted(topics), orjson.dumps(told))

    def _perform_assignment(
        self, cluster: ClusterMetadata, member_metadata: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> MutableMapping[str, ConsumerProtocolMemberAssignment]:
        """The leader's work: by member, partitions and the message to it, which Faust's own `on_assignment` reads."""
        told = {name: self._get_client_metadata(metadata) for name, metadata in member_metadata.items()}
        self._update_member_urls(told)
        members = {
            name: Member(frozenset(metadata.subscription), told[name].assignment.actives, _generation(metadata))
            for name, metadata in member_metadata.items()
        }
        topics = sorted({topic for member in members.values() for topic in member.topics})
        partitions = {topic: cluster.partitions_for_topic(topic) or frozenset() for topic in topics}
        shares = {name: ClientAssignment(actives=share, standbys={}) for name, share in spread(partitions, members).items()}
        groups = {topic: number for number, topic in enumerate(topics)}
        return self._protocol_assignments(
            shares, self._get_changelog_distribution(shares), self._get_external_topic_distribution(shares), groups
        )


def _generation(metadata: ConsumerProtocolMemberMetadata) -> int:
    """-1 where the member has Faust's own assignor, which does not say."""
    return int(orjson.loads(metadata.user_data).get(_GENERATION, -1))
