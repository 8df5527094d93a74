"""Dead letters as they are read and shown, and which of them are replayed."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterable

import pytest

from schemas.errors import SettingError
from schemas.topics import DEAD_LETTER_TOPIC, FLOWS_TOPIC
from schemas.wire.framing import Framer
from tests.integration.bad_messages import good_batch, message
from weir.dead_letter import replay as letter_replay
from weir.dead_letter.letters import Letter, Place, asked_place, letter_of, parse_place, without_value
from weir.dead_letter.replay import Replay
from weir.dead_letter.text import as_json, as_text, hex_dump
from weir.settings.catalogue import Settings

OWN = ("from", b"somebody")
AT_MS = 1_767_225_600_007


class Put:
    """A message of the dead-letter topic as a client hands it over."""

    def __init__(self, offset: int, headers: Iterable[tuple[str, bytes | None]], value: bytes | None = b"torn", partition: int = 0) -> None:
        self._offset, self._headers, self._value, self._partition = offset, list(headers), value, partition

    def topic(self) -> str:
        return DEAD_LETTER_TOPIC

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, AT_MS

    def key(self) -> bytes | None:
        return b"n1"

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self._headers or None


def letter(offset: int, source: str, replayed: str = "", value: bytes = b"torn", reason: str = "it is torn") -> Letter:
    again = [("weir-replayed", replayed.encode())] if replayed else []
    said = [("weir-reason", reason.encode()), ("weir-source", source.encode())]
    return letter_of(Put(offset, [OWN, *again, *said], value))


@pytest.mark.parametrize("text", ["", "7", "a:b", "weir.flows:1", "weir.flows:1:", "weir.flows:-1:2", "weir.flows:1:2:3", ":1:2", "a:1:²"])
def test_what_is_no_place(text: str) -> None:
    assert parse_place(text) is None


def test_a_letter_is_named_by_itself_or_by_its_source() -> None:
    assert asked_place("0:17") == Place(DEAD_LETTER_TOPIC, 0, 17)
    assert asked_place("weir.flows:3:17") == Place(FLOWS_TOPIC, 3, 17)
    one = letter(17, "weir.flows:3:99")
    assert one.is_at(asked_place("0:17")) and one.is_at(asked_place("weir.flows:3:99")) and not one.is_at(asked_place("0:99"))
    with pytest.raises(SettingError, match="'seventeen' is no letter: write PARTITION:OFFSET or TOPIC:PARTITION:OFFSET"):
        asked_place("seventeen")


def test_the_workers_headers_are_taken_off_and_the_messages_own_stay() -> None:
    own = [("weir-reason", b"the sender's own"), ("weir-source", b"elsewhere"), OWN]
    read = letter_of(Put(5, [*own, ("weir-reason", b"it is torn"), ("weir-source", b"weir.flows:3:17")]))
    assert (read.name, read.reason, read.source, read.first) == ("0:5", "it is torn", (FLOWS_TOPIC, 3, 17), (FLOWS_TOPIC, 3, 17))
    assert (read.at_us, read.size, list(read.headers)) == (AT_MS * 1_000, 4, own)
    assert (without_value(read).size, without_value(read).value) == (4, b"")


def test_a_message_that_failed_again_tells_where_it_stood_at_first() -> None:
    again = letter(9, "weir.flows:3:99", replayed="weir.flows:3:17")
    assert (again.source, again.first, again.headers) == ((FLOWS_TOPIC, 3, 99), (FLOWS_TOPIC, 3, 17), (OWN,))


@pytest.mark.parametrize("headers", [[], [("weir-source", None)], [("weir-source", b"\xff")], [("weir-source", b"weir.flows:x:1")]])
def test_a_letter_of_nobody_has_no_source(headers: list[tuple[str, bytes | None]]) -> None:
    read = letter_of(Put(0, headers, value=None))
    assert (read.source, read.first, read.value) == (None, None, b"")


class Outbox:
    """Keeps what would be published."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, bytes, bytes, list[tuple[str, bytes]]]] = []

    def send(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]], partition: int) -> None:
        self.sent.append((topic, partition, key, value, headers))


def replayed(monkeypatch: pytest.MonkeyPatch, letters: list[Letter]) -> tuple[Outbox, Replay]:
    monkeypatch.setattr(letter_replay, "_partitions", lambda _: {FLOWS_TOPIC: 8, "other": 8, DEAD_LETTER_TOPIC: 1})
    monkeypatch.setattr(letter_replay, "read_letters", lambda *_: iter(letters))
    outbox = Outbox()
    replay = Replay(Settings(), outbox, threading.Event())  # type: ignore[arg-type]
    replay.send_all([])
    return outbox, replay


def test_a_message_goes_back_untouched_to_its_own_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    outbox, replay = replayed(monkeypatch, [letter(1, "weir.flows:3:17", value=b"\0\1")])
    assert outbox.sent == [(FLOWS_TOPIC, 3, b"n1", b"\0\1", [OWN, ("weir-replayed", b"weir.flows:3:17")])]
    assert (str(replay), replay.refused) == ("replayed 1 message to weir.flows", 0)


def test_a_message_of_several_letters_goes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put aside twice by a worker that died in between; replayed, and failed again, twice."""
    first, third = "weir.flows:3:17", "weir.flows:3:23"
    letters = [
        letter(1, first),
        letter(2, first),
        letter(3, "weir.flows:3:20", first),
        letter(4, "weir.flows:3:21", first),
        letter(5, third),
    ]
    outbox, _ = replayed(monkeypatch, letters)
    assert [dict(headers)["weir-replayed"] for *_, headers in outbox.sent] == [first.encode(), third.encode()]


def test_what_cannot_go_back_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sources = ("", "weir.flows:8:1", "other:0:1", f"{DEAD_LETTER_TOPIC}:0:1", "weir.gone:0:1")
    outbox, replay = replayed(monkeypatch, [letter(number, source) for number, source in enumerate(sources)])
    assert (outbox.sent, replay.refused, str(replay)) == ([], 5, "replayed nothing; 5 letters could not be")
    said = capsys.readouterr().err
    for reason in ("no header tells", "no partition 8 of topic weir.flows", "other is no topic", "no partition 0 of topic weir.gone"):
        assert reason in said


def test_a_readable_batch_is_shown_as_a_recording_and_its_bytes() -> None:
    shown = as_text(letter(1, "weir.flows:3:17", value=message(good_batch("n7"))), Framer())
    assert "source: weir.flows:3:17\n" in shown and "header from: somebody\n" in shown and "reason: it is torn\n" in shown
    assert '"kind":"flow"' in shown and '"node_id":"n7"' in shown
    assert "\n00000000  c3 01 " in shown


def test_another_schema_or_none_is_shown_as_far_as_it_can_be_read() -> None:
    spoiled = message(good_batch("n7"))[:-3]
    torn = json.loads(as_json(letter(1, "weir.flows:3:17", value=spoiled), Framer()))
    assert base64.b64decode(torn["value_base64"]) == spoiled
    assert torn["headers"] == [["from", base64.b64encode(b"somebody").decode()]]
    assert torn["fields"][0].startswith("schema FlowBatch, fingerprint ") and "not decoded" in torn["fields"][1]
    unknown = json.loads(as_json(letter(1, "", value=b"\xc3\x01" + bytes(8)), Framer()))
    assert "unknown schema" in unknown["fields"][0]


def test_a_batch_that_breaks_a_rule_is_shown_by_its_fields() -> None:
    refused = message(good_batch("n-7")).replace(b"n-7", b"n\n7")
    shown = as_json(letter(1, "", value=refused), Framer())
    assert json.loads(json.loads(shown)["fields"][1])["node_id"] == "n\n7"


def test_control_characters_of_a_letter_move_nobodys_cursor() -> None:
    shown = as_text(letter(1, "", value=b"\x1b[2J", reason="bad \x1b[2J"), Framer())
    assert "\x1b" not in shown


def test_the_dump_holds_every_byte() -> None:
    data = bytes(range(256)) + b"tail"
    lines = list(hex_dump(data))
    assert bytes.fromhex("".join(line[10:57] for line in lines)) == data
    assert lines[2].endswith(" !\"#$%&'()*+,-./") and lines[-1].startswith("00000100  74 61 69 6c")
