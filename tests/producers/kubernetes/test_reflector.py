"""A reflector follows a fake API server through pages, breaks, versions too old and words that make no sense."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from producers.kubernetes.reflector import Pauses, Reflector, Resource
from tests.producers.kubernetes.fake_api import WAIT_SECONDS, FakeApi, PlainTransport

PODS = "/api/v1/pods"
QUICK = Pauses(0.01, 0.05)


def pod(name: str, node: str = "n1", **labels: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}", "labels": labels}, "spec": {"nodeName": node}}


def name_of(raw: Mapping[str, Any]) -> str | None:
    name: str = raw["metadata"]["name"]
    return None if name.startswith("dull") else name


class Heard:
    """What the handler was told, in order; a test waits for the next word."""

    def __init__(self) -> None:
        self.words: queue.Queue[tuple[str, Any]] = queue.Queue()

    def replaced(self, items: Sequence[str]) -> None:
        self.words.put(("replaced", sorted(items)))

    def changed(self, item: str) -> None:
        self.words.put(("changed", item))

    def deleted(self, item: str) -> None:
        self.words.put(("deleted", item))

    def lost(self, error: str) -> None:
        self.words.put(("lost", error))

    def next(self) -> tuple[str, Any]:
        return self.words.get(timeout=WAIT_SECONDS)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as fake:
        yield fake


@contextmanager
def watching(api: FakeApi, resource: Resource = Resource(PODS), **options: Any) -> Iterator[tuple[Heard, Reflector[str]]]:  # noqa: B008
    heard = Heard()
    reflector = Reflector(PlainTransport(api), resource, name_of, heard, pauses=QUICK, **options)
    reflector.start()
    try:
        yield heard, reflector
    finally:
        reflector.close()
        reflector.join(WAIT_SECONDS)
        assert not reflector.is_alive()
        assert not reflector.alive


def test_a_list_in_pages_is_told_as_one_and_the_watch_goes_on_from_it(api: FakeApi) -> None:
    for number in range(5):
        api.put(PODS, pod(f"web-{number}"))
    with watching(api, Resource(PODS, page=2)) as (heard, reflector):
        assert heard.next() == ("replaced", [f"web-{number}" for number in range(5)])
        api.wait_for_watch(PODS)
        api.put(PODS, pod("web-5"))
        api.put(PODS, pod("web-5", version="2"))
        api.remove(PODS, "shop", "web-0")
        assert [heard.next() for _ in range(3)] == [("changed", "web-5"), ("changed", "web-5"), ("deleted", "web-0")]
        assert reflector.alive and reflector.heard > 0
    assert api.count(PODS) == 3


def test_what_changes_between_list_and_watch_is_not_missed(api: FakeApi) -> None:
    class Late(Heard):
        def replaced(self, items: Sequence[str]) -> None:
            super().replaced(items)
            api.put(PODS, pod("meanwhile"))

    heard = Late()
    reflector = Reflector(PlainTransport(api), Resource(PODS), name_of, heard, pauses=QUICK)
    reflector.start()
    assert [heard.next(), heard.next()] == [("replaced", []), ("changed", "meanwhile")]
    reflector.close()
    reflector.join(WAIT_SECONDS)


def test_only_the_selected_objects_and_no_more_than_metadata_are_asked_for(api: FakeApi) -> None:
    api.put(PODS, pod("here"))
    api.put(PODS, pod("elsewhere", node="n2"))
    with watching(api, Resource(PODS, "spec.nodeName=n1", metadata_only=True, cached=True)) as (heard, _):
        assert heard.next() == ("replaced", ["here"])
        api.wait_for_watch(PODS)
    listed, watched = api.requests
    assert listed.query["resourceVersion"] == "0" and listed.query["fieldSelector"] == "spec.nodeName=n1"
    assert "as=PartialObjectMetadataList;" in listed.accept and "as=PartialObjectMetadata;" in watched.accept
    assert watched.query["allowWatchBookmarks"] == "true" and 300 <= int(watched.query["timeoutSeconds"]) <= 600


def test_a_watch_that_the_server_ends_is_taken_up_where_it_ended(api: FakeApi) -> None:
    with watching(api) as (heard, reflector):
        assert heard.next() == ("replaced", [])
        api.wait_for_watch(PODS)
        for number in range(3):
            api.put(PODS, pod(f"web-{number}"))
            assert heard.next() == ("changed", f"web-{number}")
            api.end_watches()
            api.wait_for(PODS, number + 2, watches=True)
        assert api.count(PODS) == 1 and reflector.alive


def test_a_cut_is_told_once_and_nothing_is_missed_or_repeated(api: FakeApi) -> None:
    with watching(api) as (heard, reflector):
        assert heard.next() == ("replaced", [])
        api.wait_for_watch(PODS)
        api.put(PODS, pod("before"))
        assert heard.next() == ("changed", "before")
        api.away()
        assert heard.next()[0] == "lost"
        assert not reflector.alive
        api.put(PODS, pod("meanwhile"))
        api.back()
        assert heard.next() == ("changed", "meanwhile")
        assert reflector.alive and api.count(PODS) == 1


def test_who_wants_to_know_when_it_has_caught_up_gets_a_list_after_a_cut(api: FakeApi) -> None:
    with watching(api, lists_anew=True) as (heard, _):
        assert heard.next() == ("replaced", [])
        api.wait_for_watch(PODS)
        api.put(PODS, pod("before"))
        assert heard.next() == ("changed", "before")
        api.cut()
        assert heard.next()[0] == "lost"
        assert heard.next() == ("replaced", ["before"])


def test_a_version_too_old_is_no_loss_and_leads_to_a_new_list(api: FakeApi) -> None:
    with watching(api) as (heard, _):
        assert heard.next() == ("replaced", [])
        api.wait_for_watch(PODS)
        api.put(PODS, pod("kept"))
        assert heard.next() == ("changed", "kept")
        api.compact(PODS)
        api.end_watches()
        assert heard.next() == ("replaced", ["kept"])


def test_a_bookmark_keeps_a_quiet_watch_from_growing_too_old(api: FakeApi) -> None:
    with watching(api) as (heard, _):
        assert heard.next() == ("replaced", [])
        api.wait_for_watch(PODS)
        api.compact(PODS)
        api.bookmark(PODS)
        api.put(PODS, pod("after"))
        assert heard.next() == ("changed", "after")
        api.end_watches()
        api.wait_for(PODS, 2, watches=True)
        assert api.count(PODS) == 1


def test_a_list_whose_pages_grow_too_old_begins_anew(api: FakeApi) -> None:
    class Compacting(PlainTransport):
        def get(self, path_and_query: str, accept: str) -> bytes:
            body = super().get(path_and_query, accept)
            if api.count(PODS) == 1:
                api.compact(PODS)
                api.put(PODS, pod("web-3"))
            return body

    for number in range(3):
        api.put(PODS, pod(f"web-{number}"))
    heard = Heard()
    reflector = Reflector(Compacting(api), Resource(PODS, page=2), name_of, heard, pauses=QUICK)
    reflector.start()
    assert heard.next() == ("replaced", ["web-0", "web-1", "web-2", "web-3"])
    reflector.close()
    reflector.join(WAIT_SECONDS)


def test_a_refusal_is_told_once_with_its_reason_and_asked_again(api: FakeApi) -> None:
    api.refuse(PODS, 403, "pods is forbidden")
    with watching(api) as (heard, reflector):
        word, text = heard.next()
        assert word == "lost" and "403" in text and "pods is forbidden" in text
        api.wait_for(PODS, 3)
        assert not reflector.alive
        api.allow(PODS)
        assert heard.next() == ("replaced", [])


@pytest.mark.parametrize("event", [{"type": "ERROR", "object": {"code": 500, "message": "etcd"}}, {"type": "ERROR"}])
def test_a_watch_that_fails_for_another_reason_lists_anew(api: FakeApi, event: dict[str, Any]) -> None:
    with watching(api) as (heard, _):
        assert heard.next() == ("replaced", [])
        api.wait_for_watch(PODS)
        api.tell(PODS, event)
        assert heard.next()[0] == "lost"
        assert heard.next() == ("replaced", [])


@pytest.mark.parametrize("raw", [None, 7, {}, {"metadata": None}, {"metadata": {"name": 7}}, {"metadata": {"name": "dull"}}])
def test_an_object_that_cannot_be_read_is_passed_over(api: FakeApi, raw: Any) -> None:
    with watching(api) as (heard, _):
        assert heard.next() == ("replaced", [])
        api.wait_for_watch(PODS)
        api.tell(PODS, {"type": "ADDED", "object": raw})
        api.put(PODS, pod("sound"))
        assert heard.next() == ("changed", "sound")


def test_objects_that_cannot_be_read_are_mentioned_once(api: FakeApi, caplog: pytest.LogCaptureFixture) -> None:
    with watching(api) as (heard, _):
        assert heard.next() == ("replaced", [])
        api.wait_for_watch(PODS)
        for _ in range(3):
            api.tell(PODS, {"type": "ADDED", "object": {}})
        api.put(PODS, pod("sound"))
        assert heard.next() == ("changed", "sound")
    assert caplog.text.count("cannot be read") == 1


def test_pauses_double_up_to_a_limit_and_differ() -> None:
    pauses = Pauses(0.5, 30.0)
    for failures, least in ((1, 0.5), (2, 1.0), (4, 4.0), (7, 30.0), (5_000, 30.0)):
        found = {pauses.after(failures) for _ in range(20)}
        assert len(found) > 1 and all(least <= pause <= 2 * least for pause in found)
    assert pauses.after(1, asked=45.0) == 45.0


def test_a_server_that_asks_for_time_gets_it(api: FakeApi) -> None:
    waited: list[float] = []

    class Noting(Pauses):
        def after(self, failures: int, asked: float = 0.0) -> float:
            waited.append(asked)
            return 0.01

    api.retry_after = "3"
    api.refuse(PODS, 429, "too many requests")
    heard = Heard()
    reflector = Reflector(PlainTransport(api), Resource(PODS), name_of, heard, pauses=Noting())
    reflector.start()
    assert heard.next()[0] == "lost"
    api.wait_for(PODS, 2)
    reflector.close()
    reflector.join(WAIT_SECONDS)
    assert waited[0] == 3.0


def test_closing_ends_a_thread_whose_request_hangs(api: FakeApi) -> None:
    api.hang(PODS)
    with watching(api):
        api.wait_for(PODS)
