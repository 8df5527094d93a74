"""`weir explain`: why a flow's remote end got its name, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click import BadParameter, Choice, IntRange, argument, option

from weir.output.stdout import write
from weir.settings.options import Run
from weir.settings.options import command as make

if TYPE_CHECKING:
    from weir.explain.evidence import Behind, Evidence, Flow, Held
    from weir.explain.known import Known


@make("explain")
@argument("remote_ip", metavar="REMOTE_IP")
@option("--local-ip", metavar="IP", help="Only flows of this local address.")
@option("--port", type=IntRange(0, 65_535), help="Only flows of this service port.")
@option("--at", metavar="INSTANT", help="The flow of that time, such as 2026-01-01T09:10:00Z; absent: the newest.")
@option("--format", "form", type=Choice(("table", "json")), default="table", show_default=True, help="json is one object.")
def command(run: Run, remote_ip: str, local_ip: str | None, port: int | None, at: str | None, form: str) -> None:
    """Shows why the remote end of a flow got its name, or none: the ranges of REMOTE_IP around the flow's time, who told of them and when.
    Of a service address, what stood behind it.

    Names of local ends need no explanation: the node's own agent gives them. The workers' rule is asked what the flow would be named by
    what is known now: WEIR_GAP_SECONDS, WEIR_SKEW_MS, WEIR_RETENTION_SECONDS, WEIR_WINDOW_SECONDS and WEIR_CIDRS should be theirs.
    """
    from schemas.errors import WeirError
    from sinks.open import open_sink
    from weir.explain.evidence import Question, gather
    from weir.explain.known import Rules, name_now
    from weir.explain.told import recall
    from weir.settings.cidrs import parse_cidrs
    from weir.settings.targets import reading_url

    settings = run.settings()
    question = Question(_address("REMOTE_IP", remote_ip), _address("--local-ip", local_ip) if local_ip else None, port, _at(at))
    labels = parse_cidrs(settings.cidrs)
    rules = Rules(settings.gap_seconds, settings.skew_ms, settings.window_seconds, settings.retention_seconds, labels)
    sink = open_sink(reading_url(settings), read_only=True)
    try:
        evidence = gather(sink, question)
        if evidence is None:
            raise WeirError(f"No flow to {remote_ip} fits: leave out --local-ip, --port or --at, or look for one with `weir query`.")
        told = recall(sink, evidence.flow, rules.retention_us, rules.silence_us)
    finally:
        sink.close()
    show = _show_json if form == "json" else _show
    show(evidence, name_now(evidence, told, rules))


def _address(what: str, text: str) -> bytes:
    from schemas.addresses import parse_address
    from schemas.errors import Unreadable

    try:
        return parse_address(text)
    except Unreadable as error:
        raise BadParameter(f"{what}: {error}") from None


def _at(text: str | None) -> int | None:
    from schemas.errors import Unreadable
    from schemas.instants import parse_instant

    try:
        return None if text is None else parse_instant(text)
    except Unreadable as error:
        raise BadParameter(f"--at: {error}") from None


def _show(evidence: Evidence, known: Known) -> None:
    from weir.explain.verdict import relation, why
    from weir.output.tables import printable, show_table

    flow = evidence.flow
    write(printable(_told(flow)))
    if evidence.matching > 1:
        write(f"{evidence.matching - 1:,} more flows fit; this is the newest.")
    answer = f"{flow.remote_workload or 'no name'} ({flow.remote_source if flow.remote_workload else flow.remote_reason})"
    write(f"\n{printable(answer + _where(flow))}")
    write(printable(why(evidence, known)))
    if evidence.ranges:
        write("")
        names = ("owner", "from", "until", "in time", "port", "told by", "known since")
        show_table(
            names, [_row(held, relation(flow, held, standing)) for held, standing in zip(evidence.ranges, known.standings, strict=True)]
        )
    if evidence.behind:
        from weir.explain.service_words import backends

        write("")
        columns = ("service", "backends", "from", "told until", "watcher")
        show_table(columns, [(one.service, backends(one), *_span(one), one.watcher) for one in evidence.behind])


def _span(one: Behind) -> tuple[str, str]:
    from schemas.instants import format_instant

    return format_instant(one.start_us), format_instant(one.end_us)


def _told(flow: Flow) -> str:
    from schemas.instants import format_instant

    verb = {"client": "called", "server": "was called by"}.get(flow.role, "spoke with")
    return (
        f"{flow.local_workload or 'somebody'} ({flow.local_ip}) {verb} {flow.remote_ip}, {flow.protocol} port {flow.service_port}, "
        f"from {format_instant(flow.first_us)} to {format_instant(flow.last_us)}, counted by node {flow.node_id} in the window of "
        f"{flow.window_seconds} s at {format_instant(flow.window_start_us)} ({flow.topic}:{flow.partition}:{flow.first_offset})."
    )


def _where(flow: Flow) -> str:
    """Where the remote end was, as far as it was known when the row was written."""
    known = (("on node", flow.remote_node_id), ("zone", flow.remote_zone), ("region", flow.remote_region))
    return "".join(f", {what} {text}" for what, text in known if text)


def _row(held: Held, relation: str) -> tuple[str, ...]:
    from schemas.instants import format_instant

    instants = (format_instant(held.start_us), "-" if held.is_open else format_instant(held.end_us))
    port = str(held.port) if held.port else "all"
    return held.workload, *instants, relation, port, held.node_id or held.source, format_instant(held.learned_us)


def _show_json(evidence: Evidence, known: Known) -> None:
    import orjson

    from weir.explain.as_object import said

    write(orjson.dumps(said(evidence, known)).decode())
