"""A verdict in words."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.instants import format_instant
from streams.insights.path.attempts import Attempts
from streams.insights.path.bounds import at_most
from streams.insights.path.coverage import Hole
from streams.insights.path.verdicts import USUAL_TRIES, Verdict

HOLES_TOLD = 3
_WHY = {
    "silent": "{node} told of no window",
    "lost": "counts of {node} are lost",
    "absent": "no node that is known had {client}",
}


def sentence(verdict: Verdict, client: str, server: str) -> str:
    """One sentence. `server`: with its port, if one was asked for."""
    seen, path = verdict.seen, f"{client} to {server}"
    match verdict.word:
        case "works":
            return f"{path} works: {_succeeded(seen)}."
        case "failing":
            return f"{path} fails: none of {_tries(seen.failed)} succeeded{_causes(seen)}, the last at {instant(seen.last_failure_us)}."
        case "flaky":
            return f"{path} is flaky: {seen.failed:,} of {_tries(seen.tried)} failed{_causes(seen)}{_bounds(verdict)}."
        case "broke":
            return (
                f"{path} broke between {instant(seen.last_success_us)}, the last success, and {instant(seen.failing_since_us)}, "
                f"the first failure: {_tries(seen.failed_after)} since, none of which succeeded{_causes(seen)}."
            )
        case "no_attempts":
            return f"{path}: no attempt left {client} from {_span(verdict)}, and its nodes told of all that time."
        case "established":
            return (
                f"{path} works over connections that are older than the span: {verdict.now.bytes:,} bytes passed, and none was opened, "
                "so that a new one is not proven."
            )
        case "pending":
            return f"{path} is undecided: packets have gone without an answer since {instant(verdict.now.unanswered_since_us)}."
        case "unknown":
            return f"{path} is not known from {_span(verdict)}."


def reasons(verdict: Verdict, client: str, server: str, names_nodes: bool = True) -> tuple[str, ...]:
    """Sentences: why it is unknown, and what makes it less certain. `names_nodes`: whether nodes may be named."""
    return tuple([*_of_verdict(verdict, client), *_of_holes(verdict, client, names_nodes), *_of_rest(verdict, client, server)])


def _of_verdict(verdict: Verdict, client: str) -> Iterator[str]:
    seen, word = verdict.seen, verdict.word
    if word == "unknown" and (seen.tried or seen.answered):
        yield f"What was seen before is no answer for now: {_counts(seen)}."
    if word == "unknown" and seen.packets_sent and not seen.answered and not seen.tried:
        yield "Packets were sent and none came back, which proves neither."
    if word == "works" and seen.failed:
        since = f" since {instant(seen.last_failure_us)}" if seen.opened_after else ""
        yield f"{seen.failed:,} of {_tries(seen.tried)} failed{_causes(seen)}; {seen.opened_after:,} have succeeded{since}."
    if word == "pending" and seen.opened:
        yield f"Before that it worked: {_succeeded(seen)}."
    if word in ("failing", "broke", "pending") and verdict.watched.server_watched:
        if verdict.server_saw.packets_sent:
            yield f"The server's own node saw packets of {client}: they arrive."
        else:
            yield f"The server's own node saw nothing of {client} at a socket: it is refused or dropped before one, or lost on the way."
    if verdict.stopped_since_us is not None:
        yield f"No attempt since {instant(verdict.stopped_since_us)}, which its usual rate makes less likely than 1 in 1,000: it stopped."
    if 0 < seen.tried < USUAL_TRIES and word in ("works", "failing", "flaky", "broke"):
        yield f"{_tries(seen.tried).capitalize()} is not much to go by."


def _of_holes(verdict: Verdict, client: str, names_nodes: bool) -> Iterator[str]:
    holes = [hole for hole in verdict.watched.holes if verdict.word == "unknown" or hole.why != "absent"]
    for hole in holes[:HOLES_TOLD]:
        said = _WHY[hole.why].format(node=_node(hole, client, names_nodes), client=client)
        yield f"{said[0].upper()}{said[1:]} from {instant(hole.start_s * 1_000_000)} to {instant(hole.end_s * 1_000_000)}."
    if len(holes) > HOLES_TOLD:
        yield f"And {len(holes) - HOLES_TOLD:,} more times like these."


def _node(hole: Hole, client: str, names_nodes: bool) -> str:
    if not hole.node:
        return "nodes, which ones is not known,"
    return f"node {hole.node}" if names_nodes else f"a node that had {client}"


def _of_rest(verdict: Verdict, client: str, server: str) -> Iterator[str]:
    watched = verdict.watched
    if watched.span.end_s <= watched.span.start_s:
        yield "Nothing of the span is complete yet: ask again."
    if watched.nameless:
        yield f"{client} had connections to ends without a name in the span, which may have been {server}."
    if watched.hides and verdict.word == "unknown":
        yield "A filter may leave out what there is between the two."


def instant(instant_us: int | None) -> str:
    """To the second."""
    return format_instant((instant_us or 0) // 1_000_000 * 1_000_000)


def _span(verdict: Verdict) -> str:
    span = verdict.watched.span
    return f"{instant(span.start_s * 1_000_000)} to {instant(span.end_s * 1_000_000)}"


def _succeeded(seen: Attempts) -> str:
    most = f", so that at most {100 * at_most(seen.opened):.2g} % fail (95 %)" if seen.opened >= USUAL_TRIES and not seen.failed else ""
    return f"{seen.opened:,} of {_tries(seen.tried)} succeeded, the last at {instant(seen.last_success_us)}{most}"


def _counts(seen: Attempts) -> str:
    if not seen.tried:
        return f"{seen.bytes:,} bytes over older connections"
    last = f", the last success at {instant(seen.last_success_us)}" if seen.opened else ""
    return f"{seen.opened:,} of {_tries(seen.tried)} succeeded{last}"


def _causes(seen: Attempts) -> str:
    rest = seen.failed - seen.refused - seen.timed_out
    told = ((seen.refused, "refused"), (seen.timed_out, "timed out"), (rest, "for another cause"))
    return f" ({', '.join(f'{count:,} {cause}' for count, cause in told if count > 0)})"


def _bounds(verdict: Verdict) -> str:
    share = verdict.share
    return f", between {100 * (1 - share.high):.2g} and {100 * (1 - share.low):.2g} % of all (95 %)" if share else ""


def _tries(count: int) -> str:
    return f"{count:,} attempt{'' if count == 1 else 's'}"
