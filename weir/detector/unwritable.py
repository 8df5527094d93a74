"""Sightings that no message can hold, such as one with a control character in a name: each is refused alone, and the others go on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from schemas.errors import Unreadable
from schemas.records.finding import Finding, FindingKey, Sighting
from schemas.records.finding_change import FindingChange
from schemas.wire.finding_codec import encode_change
from weir.detector import metrics
from weir.detector.transitions import as_seen

log = logging.getLogger("weir.detector")


class Unwritable:
    """Each is counted in every step that sees it, and said in the first of them. Remembers what the last step refused."""

    def __init__(self) -> None:
        self._said: frozenset[FindingKey] = frozenset()

    def without(self, seen: Iterable[Sighting], at_us: int) -> tuple[Sighting, ...]:
        """Those that can be written. Called once a step, with all that was seen; `at_us`: the step's end."""
        seen = tuple(seen)
        wrong = dict(_refusals(seen, at_us))
        for key in wrong.keys() - self._said:
            about = f"{key.kind} of {ascii(key.subject[:60])} and {ascii(key.peer[:60])}"
            log.warning("The finding %s is refused, all others go on: %s", about, wrong[key])
        metrics.UNWRITABLE.inc(sum(sighting.key in wrong for sighting in seen))
        self._said = frozenset(wrong)
        return tuple(sighting for sighting in seen if sighting.key not in wrong)


def _refusals(seen: Iterable[Sighting], at_us: int) -> Iterator[tuple[FindingKey, str]]:
    for sighting in seen:
        blank = Finding("", sighting.key, "open", sighting.severity, at_us, at_us, 0, "{}", at_us)
        try:
            encode_change(FindingChange("opened", as_seen(blank, sighting, at_us), ""))
        except (Unreadable, UnicodeEncodeError) as error:
            yield sighting.key, str(error)
