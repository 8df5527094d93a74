"""Findings that no message can hold, such as one with a control character in a name: each is refused alone, and the others go on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping

from schemas.errors import Unreadable
from schemas.records.finding import Finding, FindingKey, Sighting
from schemas.records.finding_change import FindingChange
from schemas.wire.finding_codec import encode_change
from weir.detector import metrics
from weir.detector.transitions import as_seen

log = logging.getLogger("weir.detector")
_SHOWN = 3


class Unwritable:
    """Each is counted in every step that sees it, and said in the first of them. Remembers what the last step refused."""

    def __init__(self) -> None:
        self._said: frozenset[FindingKey] = frozenset()

    def without(self, seen: Iterable[Sighting], at_us: int) -> tuple[Sighting, ...]:
        """Those that can be written. Called once a step, with all that was seen; `at_us`: the step's end."""
        seen = tuple(seen)
        wrong = dict(_refusals((sighting.key, _opening(sighting, at_us)) for sighting in seen))
        _say({key: why for key, why in wrong.items() if key not in self._said})
        metrics.UNWRITABLE.inc(sum(sighting.key in wrong for sighting in seen))
        self._said = frozenset(wrong)
        return tuple(sighting for sighting in seen if sighting.key not in wrong)


def writable(changes: Iterable[FindingChange]) -> tuple[FindingChange, ...]:
    """Of changes that do not come from the log. The others are counted, and said."""
    changes = tuple(changes)
    wrong = dict(_refusals((change.finding.key, change) for change in changes))
    _say(wrong)
    metrics.UNWRITABLE.inc(len(wrong))
    return tuple(change for change in changes if change.finding.key not in wrong)


def _opening(sighting: Sighting, at_us: int) -> FindingChange:
    blank = Finding("", sighting.key, "open", sighting.severity, at_us, at_us, 0, "{}", at_us)
    return FindingChange("opened", as_seen(blank, sighting, at_us), "")


def _refusals(changes: Iterable[tuple[FindingKey, FindingChange]]) -> Iterator[tuple[FindingKey, str]]:
    for key, change in changes:
        try:
            encode_change(change)
        except (Unreadable, UnicodeEncodeError) as error:
            yield key, str(error)


def _say(wrong: Mapping[FindingKey, str]) -> None:
    """In one line, however many they are."""
    if not wrong:
        return
    first = list(wrong.items())[:_SHOWN]
    each = [f"{key.kind} of {ascii(key.subject[:60])} and {ascii(key.peer[:60])} ({why})" for key, why in first]
    more = f"; and {len(wrong) - len(each):,} more" if len(wrong) > len(each) else ""
    log.warning("Findings that cannot be written are refused, %d of them; all others go on: %s%s.", len(wrong), "; ".join(each), more)
