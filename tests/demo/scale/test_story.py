"""Who is in the recording, who calls whom, and what happens when: without tables."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import SettingError
from sinks.engines.directory import DirectoryLock, Held
from tests.support.processes import ROOT
from weir.demo.scale import story as told
from weir.demo.scale.calls import EDGES, all_calls, steady_calls
from weir.demo.scale.fleet import nodes, workloads
from weir.demo.scale.recording import steps
from weir.demo.scale.run import MARK, account, make_empty
from weir.demo.scale.story import LENGTH_S, Spell, Story

STORY = Story(1_767_276_000 + 130)
ENDS = st.integers(150_000_000, 200_000_000).map(lambda tens: 10 * tens)


def test_two_thousand_workloads_have_a_name_and_an_address_each() -> None:
    every = workloads().values()
    assert len(workloads()) == len({each.ip for each in every}) == 2_000
    assert {each.node.name for each in every} == {node.name for node in nodes()}


def test_five_thousand_edges_reach_every_workload() -> None:
    calls = steady_calls()
    assert len(calls) == EDGES == len({(call.client, call.server, call.port, call.far) for call in calls})
    assert {name for call in calls for name in (call.client, call.server) if name} == workloads().keys()


def test_it_is_the_same_whenever_it_is_made() -> None:
    assert all_calls(STORY) == all_calls(STORY)


def test_each_reason_for_no_name_is_there() -> None:
    without = Counter(call.reason for call in steady_calls() if not call.client or not call.server)
    assert without.keys() == {"external", "unknown", "gap", "ambiguous", "shared"}


def test_names_that_the_story_speaks_of_exist() -> None:
    assert {told.DEPLOYED, told.NEW_SERVER, told.OLD_SERVER, told.BROKEN, told.SCANNER, told.SLOW, told.SLOW_SERVER} <= workloads().keys()
    assert told.SILENT in {node.name for node in nodes()}


def test_the_deploy_ends_one_call_and_begins_another() -> None:
    calls = {(call.client, call.server, call.port): call for call in all_calls(STORY)}
    assert calls[told.DEPLOYED, told.OLD_SERVER, told.OLD_PORT].until_s == STORY.deploy_s
    assert calls[told.DEPLOYED, told.NEW_SERVER, told.NEW_PORT].since_s == STORY.deploy_s


def test_the_outage_refuses_what_the_database_is_asked_and_nothing_else() -> None:
    spells = [call for call in all_calls(STORY) if (call.server, call.port) == (told.BROKEN, told.BROKEN_PORT)]
    refused = {Spell(call.since_s, call.until_s) for call in spells if call.refused == 1}
    assert refused == {STORY.outage} and STORY.outage.end_s - STORY.outage.start_s == 1_200
    clients = {call.client for call in spells}
    assert len(spells) == 3 * len(clients) and len(clients) >= 3


def test_the_scan_tries_every_port_of_many_workloads_and_reaches_nothing() -> None:
    tried = [call for call in all_calls(STORY) if call.client == told.SCANNER and call.since_s == STORY.scan.start_s]
    assert len({call.server for call in tried}) == told.SCANNED_SERVERS
    assert len({(call.server, call.port) for call in tried}) == len(tried) == told.SCANNED_SERVERS * len(told.SCANNED_PORTS)
    assert all(call.refused + call.timed_out == 1 for call in tried)


@given(ENDS)
def test_windows_follow_each_other_from_the_first_second_to_the_last(end_s: int) -> None:
    story = Story(end_s)
    spans = steps(story)
    assert spans[0][0] == story.start_s and spans[-1][1] == end_s
    assert all(before[1] == after[0] for before, after in zip(spans, spans[1:], strict=False))
    assert all(start_s % window_s == 0 and (end_s - start_s) % window_s == 0 for start_s, end_s, window_s, _ in spans)
    assert end_s - story.start_s >= LENGTH_S


@given(ENDS)
def test_everything_happens_within_the_day_on_whole_five_minutes(end_s: int) -> None:
    story = Story(end_s)
    times = (story.start_s, story.deploy_s, story.scan.start_s, story.scan.end_s, story.outage.start_s, story.silence_s)
    assert list(times) == sorted(times) and all(each % 300 == 0 for each in times)
    assert story.outage.end_s <= end_s
    assert len(account(story)) == 5


def test_the_page_of_the_console_tells_the_same_story() -> None:
    page = (ROOT / "docs" / "console.md").read_text().replace("`", "")
    for line in account(STORY):
        _, happened, shown = line.split("  ")
        assert happened.partition(", for ")[0] in page
        assert shown.strip("[]") in page


def test_a_directory_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "thesis.txt"
    kept.touch()
    with pytest.raises(SettingError, match="name an empty or a new one"):
        make_empty(tmp_path)
    assert kept.exists()


def test_a_recording_that_is_being_shown_stays(tmp_path: Path) -> None:
    make_empty(tmp_path / "shown")
    lock = DirectoryLock(tmp_path / "shown")
    with pytest.raises(Held, match="stop it, or use another directory"):
        make_empty(tmp_path / "shown")
    assert (tmp_path / "shown" / MARK).exists()
    lock.release()
    make_empty(tmp_path / "shown")


def test_a_recording_makes_room_for_the_next_one(tmp_path: Path) -> None:
    make_empty(tmp_path / "new")
    (tmp_path / "new" / "data").mkdir()
    make_empty(tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == [MARK]
