"""What the demo writes: a live table on a terminal, a line per window otherwise. Pure: from a Reading to text."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Group
from rich.table import Table
from rich.text import Text

from weir.demo.readings import Edge, Reading, Totals, Window

WIDTH = 98
_UNITS = ("B", "kB", "MB", "GB", "TB")


def live(reading: Reading, remark: str, url: str = "") -> Group:
    """The table of edges with the counts below it; `remark` says what goes on right now, `url` where the console is, if there is one."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", width=WIDTH)
    for title in ("client", "server"):
        table.add_column(title, max_width=18, no_wrap=True)
    table.add_column("port", max_width=10, no_wrap=True)
    for title in ("to server", "to client", "conn/s", "failed/s", "RTT", "p95", "retr/s"):
        table.add_column(title, justify="right", no_wrap=True)
    for edge in reading.edges:
        table.add_row(*_cells(edge))
    place = [Text(located(url), style="bold")] if url else []
    return Group(Text(remark, style="dim"), *place, Text(), table, Text(), Text(totals_line(reading.totals)))


def located(url: str) -> str:
    return f"The console: {url}"


def window_line(window: Window, totals: Totals) -> str:
    """One window in one line, for logs and pipes."""
    at = datetime.fromtimestamp(window.start_us / 1e6, UTC).strftime("%H:%M:%S")
    opened, failed, resent = (count / window.seconds for count in (window.opened, window.failed, window.retransmits))
    return (
        f"{at}  {window.edges} edges  {size(window.bytes / window.seconds)}/s  {opened:.1f} conn/s  {failed:.1f} failed/s"
        f"  RTT {duration(window.rtt_us)}  {resent:.1f} retr/s | {totals_line(totals)}"
    )


def totals_line(totals: Totals) -> str:
    """Flows counted, repeated, unattributed and lost since the demo began."""
    unattributed = sum(count for _, count in totals.unattributed)
    reasons = ", ".join(f"{reason} {count}" for reason, count in totals.unattributed[:3])
    return (
        f"flows: {totals.applied} counted, {totals.repeated} repeats dropped, {unattributed} unattributed"
        f"{f' ({reasons})' if reasons else ''}, {_lost(totals)}"
    )


def size(count: float) -> str:
    """Bytes with three digits or so: 999 B, 1.2 kB, 35.0 MB."""
    for unit in _UNITS[:-1]:
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_UNITS[-1]}"


def duration(microseconds: float | None) -> str:
    """A round trip in the unit that suits it; a dash where none was measured."""
    if microseconds is None:
        return "-"
    return f"{microseconds:.0f} us" if microseconds < 1000 else f"{microseconds / 1000:.1f} ms"


def _lost(totals: Totals) -> str:
    if not (totals.lost_flows or totals.lost_packets or totals.lost_bytes):
        return "0 lost"
    return f"lost {totals.lost_flows} flows, {totals.lost_packets} packets, {size(totals.lost_bytes)}"


def _cells(edge: Edge) -> tuple[Text, ...]:
    failed = _rate(edge.failed, "red")
    return (
        Text(edge.client),
        Text(edge.server),
        Text(edge.port),
        Text(f"{size(edge.to_server)}/s"),
        Text(f"{size(edge.to_client)}/s"),
        _rate(edge.opened, ""),
        failed,
        Text(duration(edge.rtt_us)),
        Text(duration(edge.rtt_p95_us)),
        _rate(edge.retransmits, "yellow"),
    )


def _rate(rate: float, style: str) -> Text:
    return Text(f"{rate:.1f}", style=style) if rate else Text("-", style="dim")
