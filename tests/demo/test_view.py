"""What is drawn and written, from readings made by hand."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from weir.demo.readings import Edge, Reading, Totals, Window, parse_metrics
from weir.demo.screen import Lines, Terminal
from weir.demo.view import WIDTH, duration, live, size, totals_line, window_line

EDGE = Edge("checkout", "postgres", "tcp/5432", 7_919.0, 104_729.0, 2.5, 0.0, 312.4, 810.0, 0.0)
WINDOW = Window(1_767_225_600_000_000, 2, 11, 2_000_000, 46, 3, 1_234.0, 7)
TOTALS = Totals(997, 5, (("external", 7), ("unknown", 4), ("gap", 2), ("shared", 1)), 0, 0, 0)


def _drawn(reading: Reading, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(live(reading, "counting"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_shows_an_edge_and_the_counts() -> None:
    text = _drawn(Reading((EDGE, replace(EDGE, server="payments", failed=0.4, retransmits=1.5, rtt_us=None, rtt_p95_us=None)), (), TOTALS))
    row = next(line for line in text.splitlines() if "postgres" in line)
    assert row.split() == ["checkout", "postgres", "tcp/5432", "7.9", "kB/s", "104.7", "kB/s", "2.5", "-", "312", "us", "810", "us", "-"]
    row = next(line for line in text.splitlines() if "payments" in line)
    assert row.split()[-5:] == ["2.5", "0.4", "-", "-", "1.5"]
    assert "flows: 997 counted, 5 repeats dropped, 14 unattributed (external 7, unknown 4, gap 2), 0 lost" in text


def test_the_table_fits_a_hundred_columns_whatever_the_names() -> None:
    names = {"client": "c" * 200, "server": "[red]markup[/red]" * 9, "port": "tcp6/65535"}
    wide = replace(EDGE, **names, to_server=9.99e14, to_client=9.99e14, rtt_us=9.9e8, rtt_p95_us=9.9e8)
    text = _drawn(Reading((wide,), (), TOTALS))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert WIDTH <= 100
    assert "[red]" in text


def test_the_console_is_named_above_the_table() -> None:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(live(Reading((EDGE,)), "counting", "http://127.0.0.1:8470"))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines()[1].strip() == "The console: http://127.0.0.1:8470"


def test_the_address_is_written_as_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    Lines().locate("http://127.0.0.1:8470")
    assert capsys.readouterr().out == "The console: http://127.0.0.1:8470\n"


def test_a_window_is_one_line_without_colours() -> None:
    line = window_line(WINDOW, TOTALS)
    assert line.startswith("00:00:00  11 edges  1.0 MB/s  23.0 conn/s  1.5 failed/s  RTT 1.2 ms  3.5 retr/s | flows: 997 counted")
    assert "\n" not in line and "\x1b" not in line


def test_losses_are_spelt_out() -> None:
    assert totals_line(replace(TOTALS, lost_packets=23, lost_bytes=7_919)).endswith("lost 0 flows, 23 packets, 7.9 kB")


def test_lines_are_written_once_a_window(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Lines()
    screen.show(Reading((EDGE,), (), TOTALS))
    screen.show(Reading((EDGE,), (WINDOW, replace(WINDOW, start_us=WINDOW.start_us + 2_000_000)), TOTALS))
    screen.close()
    assert [line[:8] for line in capsys.readouterr().out.splitlines()] == ["00:00:00", "00:00:02"]


def test_a_terminal_keeps_its_last_table() -> None:
    out = io.StringIO()
    screen = Terminal(Console(file=out, force_terminal=True, width=100))
    screen.say("starting")
    screen.show(Reading((), (), TOTALS))
    assert "client" not in out.getvalue()
    screen.show(Reading((EDGE,), (), TOTALS))
    screen.say("ending")
    screen.close()
    screen.close()
    text = out.getvalue()
    assert text.index("starting") < text.index("postgres") < text.index("ending")
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is given back


@given(st.floats(min_value=0, max_value=1e15))
def test_sizes_are_short(count: float) -> None:
    assert len(size(count)) <= 9


@pytest.mark.parametrize(("us", "text"), [(None, "-"), (17.2, "17 us"), (1_000.0, "1.0 ms"), (31_350.0, "31.4 ms")])
def test_durations(us: float | None, text: str) -> None:
    assert duration(us) == text


def test_the_workers_metrics_are_understood() -> None:
    text = """# TYPE weir_flows counter
weir_flows_total{outcome="applied"} 997.0
weir_flows_total{outcome="repeated"} 5.0
weir_flows_total{outcome="late"} 1.0
# TYPE weir_flows_unattributed counter
weir_flows_unattributed_total{reason="unknown"} 4.0
weir_flows_unattributed_total{reason="external"} 7.0
weir_flows_unattributed_total{reason="gap"} 0.0
"""
    assert parse_metrics(text) == Totals(997, 5, (("external", 7), ("unknown", 4)))
