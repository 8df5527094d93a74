"""What a webhook and an Alertmanager are sent, by servers that take it; and by some that do not."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.records.finding import Finding, finding_id
from schemas.records.finding_change import ChangeKind, FindingChange, Withheld
from tests.support.processes import wait_for
from tests.weir.detector.fakes import FakePositions, FakeReceiver
from tests.weir.detector.receivers import Receivers
from tests.weir.detector.words import at, key
from weir.detector import http_post, outbox
from weir.detector.alertmanager import FIRES_SECONDS, Alertmanager
from weir.detector.http_post import Undelivered
from weir.detector.log import Entry, Written
from weir.detector.notices import Notices
from weir.detector.outbox import Outbox, pause_seconds
from weir.detector.positions import Position
from weir.detector.webhook import SIGNATURE, Webhook, signature
from weir.settings.receivers import read_target

NOTHING = Written((), None, 0)


def change(what: ChangeKind, step: int, subject: str = "a", severity: Any = "warning", withheld: Withheld = "") -> FindingChange:
    its = key(subject)
    state: Any = "closed" if what == "closed" else "open"
    finding = Finding(finding_id(its, at(1)), its, state, severity, at(1), at(step), step, '{"tried":7}', at(step))
    return FindingChange(what, finding, withheld)


def entries(*changes: FindingChange, first: int = 0) -> tuple[Entry, ...]:
    return tuple(Entry(first + place, one) for place, one in enumerate(changes))


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    with Receivers() as made:
        yield made


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LONGEST_SECONDS", 0.02)
    monkeypatch.setattr(http_post, "TIMEOUT_SECONDS", 0.2)


def alertmanager(receivers: Receivers) -> Alertmanager:
    return Alertmanager(read_target(receivers.url), lambda: at(50) / 1e6)


def webhook(receivers: Receivers, secret: str = "") -> Webhook:
    return Webhook(read_target(f"http://me:pw%40@127.0.0.1:{receivers.port}/hook"), secret, lambda: 1_700_000_000.5)


def delivered(receiver: Any, *changes: FindingChange) -> None:
    """All of it, from a log that was empty when the receiver came."""
    box = Outbox(receiver, FakePositions(), NOTHING)
    box.add(entries(*changes))
    while box.pending:
        box.deliver()


def test_a_notice_is_signed_and_carries_its_key(receivers: Receivers) -> None:
    delivered(webhook(receivers, "s3cret"), change("opened", 2), change("closed", 3))
    opened, closed = receivers.hooks()
    its = finding_id(key("a"), at(1))
    assert (opened.key, closed.key) == (f"{its}-opened", f"{its}-closed")
    expected = hmac.new(b"s3cret", b"1700000000." + opened.body, hashlib.sha256).hexdigest()
    assert opened.headers[SIGNATURE.lower()] == f"t=1700000000,v1={expected}" == signature(b"s3cret", 1_700_000_000, opened.body)
    assert opened.headers["authorization"] == "Basic bWU6cHdA"
    said = json.loads(opened.body)
    assert (said["event"], said["state"], said["severity"], said["evidence"]) == ("opened", "open", "warning", {"tried": 7})
    assert said["sentence"] == "a -> db:5432: connections fail." and json.loads(closed.body)["state"] == "closed"


def test_an_update_is_told_only_where_it_is_graver(receivers: Receivers) -> None:
    told = [
        change("opened", 2),
        change("updated", 3),
        *(change("updated", step, severity=grave) for step, grave in ((4, "critical"), (5, "info"), (6, "critical"))),
    ]
    delivered(webhook(receivers), *told)
    assert [json.loads(post.body)["event"] for post in receivers.hooks()] == ["opened", "raised"]
    assert receivers.hooks()[1].key.endswith("-raised-critical")


def test_what_is_withheld_is_told_when_it_is_withheld_no_more(receivers: Receivers) -> None:
    muted = [change("opened", 2, "b", withheld="muted"), change("updated", 3, "b"), change("closed", 4, "b")]
    learned = [change("opened", 2, "c", withheld="learning"), change("closed", 3, "c", withheld="learning")]
    delivered(webhook(receivers), *muted, *learned)
    assert [(json.loads(post.body)["event"], json.loads(post.body)["subject"]) for post in receivers.hooks()] == [
        ("opened", "b"),
        ("closed", "b"),
    ]


def test_alertmanager_is_told_what_fires_and_what_has_ended(receivers: Receivers) -> None:
    delivered(alertmanager(receivers), change("opened", 2), change("opened", 2, "b"), change("closed", 4))
    first, second = receivers.alerts()
    assert [one["labels"]["subject"] for one in first] == ["a", "b"]
    ended, firing = second
    assert ended["labels"] == first[0]["labels"] == {
        "alertname": "weir_failure", "finding": finding_id(key("a"), at(1)), "kind": "failure", "severity": "warning",
        "network": "default", "subject": "a", "peer": "db", "service_port": "5432",
    }  # fmt: skip
    assert (ended["startsAt"], ended["endsAt"]) == ("2026-01-01T00:05:00Z", "2026-01-01T00:20:00Z")
    assert firing["labels"]["subject"] == "b" and firing["endsAt"] == "2026-01-01T04:15:00Z" and FIRES_SECONDS == 300
    assert first[0]["annotations"]["count"] == "2" and first[0]["annotations"]["summary"] == "a -> db:5432: connections fail."


def test_a_graver_finding_is_another_alert_and_ends_the_former(receivers: Receivers) -> None:
    delivered(
        alertmanager(receivers), change("opened", 2), change("updated", 3, severity="critical"), change("closed", 5, severity="critical")
    )
    _, raised, closed = receivers.alerts()
    assert [(one["labels"]["severity"], one["endsAt"]) for one in raised] == [
        ("warning", "2026-01-01T00:15:00Z"),
        ("critical", "2026-01-01T04:15:00Z"),
    ]
    assert [(one["labels"]["severity"], one["endsAt"]) for one in closed] == [("critical", "2026-01-01T00:25:00Z")]


def test_what_fires_is_posted_again_with_its_newest_figures(receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Alertmanager, "again_seconds", 0.02)
    box = Outbox(alertmanager(receivers), FakePositions(), NOTHING)
    box.start()
    box.add(entries(change("opened", 2)))
    wait_for(lambda: len(receivers.alerts()) > 2, 10, "three posts")
    box.add(entries(change("updated", 9), first=1))
    wait_for(lambda: receivers.alerts()[-1][0]["annotations"]["count"] == "9", 10, "newer figures")
    box.close()
    assert {len(posted) for posted in receivers.alerts()} == {1}


def test_a_new_detector_posts_what_fired_before_it_and_no_ending_again(receivers: Receivers) -> None:
    positions = FakePositions()
    positions.position = Position(3, 0)
    written = Written(entries(change("opened", 2), change("opened", 2, "b"), change("closed", 3)), None, 3)
    Outbox(alertmanager(receivers), positions, written).deliver()
    assert [[one["labels"]["subject"] for one in posted] for posted in receivers.alerts()] == [["b"]]


def test_a_new_webhook_is_not_told_of_what_was_open_before_it(receivers: Receivers) -> None:
    written = Written(entries(change("opened", 2)), None, 7)
    positions = FakePositions()
    box = Outbox(webhook(receivers), positions, written)
    assert positions.position == Position(7, 7)
    box.add(entries(change("closed", 3), change("opened", 3, "b"), first=7))
    again = Outbox(
        webhook(receivers),
        positions,
        Written((*written.entries, *entries(change("closed", 3), change("opened", 3, "b"), first=7)), None, 9),
    )
    while again.pending:
        again.deliver()
    assert [json.loads(post.body)["subject"] for post in receivers.hooks()] == ["b"]


@pytest.mark.parametrize("mood", ["refuses", "hangs", "forgets to answer"])
def test_nothing_is_passed_over_while_a_receiver_takes_nothing(receivers: Receivers, mood: Any) -> None:
    receivers.mood = mood
    positions = FakePositions()
    box = Outbox(webhook(receivers), positions, NOTHING)
    box.start()
    box.add(entries(change("opened", 2), change("closed", 3)))
    wait_for(lambda: receivers.tries > 2, 20, "three tries")
    assert box.pending == 2 and positions.position == Position(0, 0)
    receivers.mood = "well"
    wait_for(lambda: not box.pending, 20, "the notices")
    box.close()
    assert [post.key[-6:] for post in receivers.hooks()[-2:]] == ["opened", "closed"] and positions.position == Position(2, 0)


def test_a_receiver_that_is_away_does_not_hold_another() -> None:
    away, well = FakeReceiver(away=10**9), FakeReceiver()
    boxes = [Outbox(one, FakePositions(), NOTHING) for one in (away, well)]
    for box in boxes:
        box.start()
        box.add(entries(change("opened", 2)))
    wait_for(lambda: len(well.got) == 1, 10, "the other")
    for box in boxes:
        box.close()
    assert boxes[0].pending == 1 and not away.got


def test_a_redirect_is_not_followed(receivers: Receivers) -> None:
    def redirect(handler: Any) -> None:
        handler.send_response(303)
        handler.send_header("Location", f"{receivers.url}/elsewhere")
        handler.end_headers()

    receivers.take = redirect  # type: ignore[method-assign]
    with pytest.raises(Undelivered, match="303"):
        delivered(webhook(receivers), change("opened", 2))


def test_pauses_double_up_to_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LONGEST_SECONDS", 300.0)
    assert [pause_seconds(tries) for tries in (1, 2, 3, 9, 10, 1_000_000)] == [1, 2, 4, 256, 300, 300]


def test_a_finding_is_told_to_have_opened_risen_and_closed() -> None:
    notices = Notices(0)
    changes = [change("opened", 2), change("updated", 3, severity="critical"), change("closed", 4, severity="critical")]
    told = [notice for entry in entries(*changes) if (notice := notices.of(entry))]
    assert [(notice.event, notice.before, notice.severity) for notice in told] == [
        ("opened", "", "warning"),
        ("raised", "warning", "critical"),
        ("closed", "", "critical"),
    ]


def test_an_outbox_that_closes_waits_for_no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LONGEST_SECONDS", 300.0)
    away = FakeReceiver(away=10**9)
    box = Outbox(away, FakePositions(), NOTHING)
    box.start()
    box.add(entries(change("opened", 2)))
    wait_for(lambda: away.away < 10**9, 10, "a try")
    box.close()
    assert not box.is_alive()
