"""The second try of a block that could not be built: without the messages that are to blame, which become dead letters."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from schemas.errors import Unreadable
from schemas.records.tables import BlockIdentity
from streams.blocks.narrow import narrowed
from streams.blocks.pipeline import Applied, Pipeline
from streams.dedup.restore import Restorer
from streams.dedup.state import DedupState
from streams.intake.dead_letter_limit import DeadLetterLimit
from streams.intake.messages import ReceivedMessage, UnreadableMessage

logger = logging.getLogger(__name__)
Fetch = Callable[[str, int, int], UnreadableMessage]
"""A message as Kafka has it, by topic, partition and offset, its reason still to be set. Raises Unavailable."""


class Rejecting:
    """Called in the executor's threads, by one at a time."""

    def __init__(self, pipeline: Pipeline, restorer: Restorer, limit: DeadLetterLimit, fetch: Fetch) -> None:
        self._pipeline = pipeline
        self._restorer = restorer
        self._limit = limit
        self._fetch = fetch
        self._rejected: dict[str, UnreadableMessage] = {}  # of the block at hand, which is tried again where a server was away

    def build(self, identity: BlockIdentity, messages: Sequence[ReceivedMessage], published_to: int) -> tuple[Applied, DedupState]:
        """The block without the messages to blame, and the dedup state behind it.

        Each try starts from what the tables hold, so that the same messages are rejected whichever worker builds the block. Raises
        Unavailable, WeirError once more messages were rejected than may be, and the build's error where no message is to blame.
        """
        base = self._restorer.restore(identity.topic, identity.partition, identity)

        def build(trial: Sequence[ReceivedMessage]) -> tuple[Applied, DedupState]:
            state = copy.deepcopy(base)
            return self._pipeline.build(identity, trial, state, published_to), state

        def reject(message: ReceivedMessage, error: Exception) -> ReceivedMessage:
            return self._reject(identity, message, error)

        built = narrowed(messages, build, reject)
        self._rejected.clear()
        return built

    def _reject(self, identity: BlockIdentity, message: ReceivedMessage, error: Exception) -> ReceivedMessage:
        place = f"{identity.topic}:{identity.partition}:{message.offset}"
        if place not in self._rejected:
            reason = Unreadable(f"A block with this message cannot be built ({type(error).__name__}: {str(error).rstrip('.')}).")
            self._rejected[place] = self._fetch(identity.topic, identity.partition, message.offset)._replace(reason=reason)
            logger.error("%s is put aside: no block with it can be built", place, exc_info=error)
            self._limit.note(place, message.arrived_us, reason)
            self._limit.check()
        return replace(message, content=self._rejected[place])
