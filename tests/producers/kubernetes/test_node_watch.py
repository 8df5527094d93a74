"""A node's pods get their workloads' names from a fake API server, keep them, and lose none while the server is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from producers.kubernetes import node_pods, node_watch
from producers.kubernetes.names_file import NamesFile, Remembered
from producers.kubernetes.node_watch import PODS, NodeWatch
from producers.kubernetes.owners import CONFIG_HASH, parse_metadata
from producers.kubernetes.place import Place
from producers.kubernetes.reflector import Pauses
from tests.producers.kubernetes.fake_api import WAIT_SECONDS, FakeApi, PlainTransport

REPLICASETS, JOBS, NODES = "/apis/apps/v1/replicasets", "/apis/batch/v1/jobs", "/api/v1/nodes"
QUICK = Pauses(0.01, 0.05)


def raw(name: str, uid: str, owner: tuple[str, str, str, str] | None = None, namespace: str = "shop", **labels: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": namespace, "name": name, "uid": uid, "labels": labels}
    if owner is not None:
        api, kind, owner_name, owner_uid = owner
        metadata["ownerReferences"] = [{"apiVersion": api, "kind": kind, "name": owner_name, "uid": owner_uid, "controller": True}]
    return {"metadata": metadata, "spec": {"nodeName": "n1"}}


def of_deployment(api: FakeApi, name: str, uid: str, deployment: str = "web", put_parent: bool = True) -> None:
    if put_parent:
        api.put(REPLICASETS, raw(f"{deployment}-5d", f"rs-{deployment}", ("apps/v1", "Deployment", deployment, f"d-{deployment}")))
    api.put(PODS, raw(name, uid, ("apps/v1", "ReplicaSet", f"{deployment}-5d", f"rs-{deployment}")))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    monkeypatch.setattr(node_watch, "LEAST_PAUSE", 0.01)
    with FakeApi() as fake:
        fake.put(NODES, raw("n1", "node-uid", namespace="", **{"topology.kubernetes.io/zone": "z1", "topology.kubernetes.io/region": "r1"}))
        fake.put(REPLICASETS, raw("other", "other"))
        fake.put(JOBS, raw("other", "other"))
        yield fake


@contextmanager
def watching(api: FakeApi, folder: Path, *, ready: bool = True, node: str = "n1") -> Iterator[NodeWatch]:
    watch = NodeWatch(lambda: PlainTransport(api), node, NamesFile(folder / "pod-names", node), QUICK)
    watch.begin()
    try:
        if ready:
            assert watch.wait(WAIT_SECONDS)
        yield watch
    finally:
        watch.close()
        watch.join(WAIT_SECONDS)
        watch._reflector.join(WAIT_SECONDS)
        assert not watch.is_alive() and not watch._reflector.is_alive()


def name_of(watch: NodeWatch, uid: str) -> str:
    """Once it has one."""
    return watch.pods.find([uid], WAIT_SECONDS).get(uid, "")


def until(holds: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_every_kind_of_pod_gets_its_workload(api: FakeApi, tmp_path: Path) -> None:
    of_deployment(api, "web-5d-a", "u-web")
    api.put(REPLICASETS, raw("lone", "rs-lone"))
    api.put(REPLICASETS, raw("roll-1", "rs-roll", ("argoproj.io/v1alpha1", "Rollout", "roll", "r")))
    api.put(JOBS, raw("nightly-1", "j-nightly", ("batch/v1", "CronJob", "nightly", "c")))
    api.put(JOBS, raw("once", "j-once"))
    api.put(PODS, raw("lone-a", "u-lone", ("apps/v1", "ReplicaSet", "lone", "rs-lone")))
    api.put(PODS, raw("roll-1-a", "u-roll", ("apps/v1", "ReplicaSet", "roll-1", "rs-roll")))
    api.put(PODS, raw("nightly-1-a", "u-nightly", ("batch/v1", "Job", "nightly-1", "j-nightly")))
    api.put(PODS, raw("once-a", "u-once", ("batch/v1", "Job", "once", "j-once")))
    api.put(PODS, raw("db-0", "u-db", ("apps/v1", "StatefulSet", "db", "s")))
    api.put(PODS, raw("log-x", "u-log", ("apps/v1", "DaemonSet", "log", "d")))
    api.put(PODS, raw("kafka-0", "u-crd", ("kafka.strimzi.io/v1", "StrimziPodSet", "kafka", "k")))
    api.put(PODS, raw("bare", "u-bare"))
    static = raw("etcd-n1", "u-mirror", ("v1", "Node", "n1", "node-uid"), namespace="kube-system")
    static["metadata"]["annotations"] = {CONFIG_HASH: "0a1b"}
    api.put(PODS, static)
    elsewhere = raw("far", "u-far")
    elsewhere["spec"]["nodeName"] = "n2"
    api.put(PODS, elsewhere)
    with watching(api, tmp_path) as watch:
        assert watch.pods.names() == {
            "u-web": "shop/web",
            "u-lone": "shop/lone",
            "u-roll": "shop/roll",
            "u-nightly": "shop/nightly",
            "u-once": "shop/once",
            "u-db": "shop/db",
            "u-log": "shop/log",
            "u-crd": "shop/kafka",
            "u-bare": "shop/bare",
            "0a1b": "kube-system/etcd",
        }
        until(lambda: watch.place is not None)
        assert watch.place == Place("z1", "r1") and watch.alive


def test_a_parent_is_asked_for_once_whatever_pods_it_has(api: FakeApi, tmp_path: Path) -> None:
    for number in range(20):
        of_deployment(api, f"web-5d-{number}", f"u{number}", put_parent=not number)
    with watching(api, tmp_path) as watch:
        of_deployment(api, "web-5d-more", "more", put_parent=False)
        assert name_of(watch, "more") == "shop/web"
    assert api.count("/apis/apps/v1/namespaces/shop/replicasets/web-5d") == 1


def test_pods_of_the_same_name_after_one_another_each_have_their_own_uid(api: FakeApi, tmp_path: Path) -> None:
    with watching(api, tmp_path) as watch:
        for number in range(3):
            of_deployment(api, "db-0", f"u{number}", f"owner{number}")
            assert name_of(watch, f"u{number}") == f"shop/owner{number}"
            api.remove(PODS, "shop", "db-0")
        assert watch.pods.find(["u0", "u1", "u2"]) == {f"u{n}": f"shop/owner{n}" for n in range(3)}


def test_a_name_once_given_stays_though_the_owner_changes(api: FakeApi, tmp_path: Path) -> None:
    with watching(api, tmp_path) as watch:
        api.put(PODS, raw("web", "u1"))
        assert name_of(watch, "u1") == "shop/web"
        api.put(PODS, raw("web", "u1", ("apps/v1", "StatefulSet", "adopted", "s")))
        api.put(PODS, raw("next", "u2"))
        assert name_of(watch, "u2") == "shop/next"
        assert watch.pods.find(["u1"]) == {"u1": "shop/web"}


def test_names_outlive_the_agent_while_the_server_is_away(api: FakeApi, tmp_path: Path) -> None:
    of_deployment(api, "web-5d-a", "u-web")
    with watching(api, tmp_path) as watch:
        until(lambda: watch.place is not None)
        until((tmp_path / "pod-names").exists)
    api.away()
    with watching(api, tmp_path, ready=False) as watch:
        assert not watch.wait(0.05) and not watch.alive
        assert watch.pods.find(["u-web", "u-new"], 0.0) == {"u-web": "shop/web"}
        assert watch.place == Place("z1", "r1")
        api.put(PODS, raw("new", "u-new"))
        api.back()
        assert watch.wait(WAIT_SECONDS)
        assert watch.pods.find(["u-web", "u-new"]) == {"u-web": "shop/web", "u-new": "shop/new"}


def test_nobody_waits_for_names_while_the_server_is_not_heard(api: FakeApi, tmp_path: Path) -> None:
    api.away()
    with watching(api, tmp_path, ready=False) as watch:
        begun = time.monotonic()
        assert watch.pods.find(["u"], 30.0) == {}
        assert time.monotonic() - begun < 5


def test_a_look_waits_for_a_pod_that_is_about_to_be_told(api: FakeApi, tmp_path: Path) -> None:
    with watching(api, tmp_path) as watch:
        api.wait_for_watch(PODS)
        threading.Timer(0.05, of_deployment, (api, "web-5d-a", "u-web")).start()
        assert watch.pods.find(["u-web"], WAIT_SECONDS) == {"u-web": "shop/web"}


def test_a_pod_that_is_told_and_gone_at_once_has_its_name(api: FakeApi, tmp_path: Path) -> None:
    with watching(api, tmp_path) as watch:
        for number in range(5):
            of_deployment(api, f"web-5d-{number}", f"u{number}", f"w{number}")
            api.remove(PODS, "shop", f"web-5d-{number}")
        for number in range(5):
            assert name_of(watch, f"u{number}") == f"shop/w{number}"
        until(lambda: watch.pods.used == 0)


def test_a_parent_that_cannot_be_had_leaves_the_pod_without_a_name_until_it_can(api: FakeApi, tmp_path: Path) -> None:
    of_deployment(api, "web-5d-a", "u-web", put_parent=False)
    with watching(api, tmp_path) as watch:
        assert watch.pods.find(["u-web"]) == {}
        api.put(REPLICASETS, raw("web-5d", "rs-web", ("apps/v1", "Deployment", "web", "d")))
        until(lambda: watch.pods.find(["u-web"]) == {"u-web": "shop/web"})


def test_a_parent_of_another_uid_is_not_the_parent(api: FakeApi, tmp_path: Path) -> None:
    of_deployment(api, "web-5d-a", "u-web", put_parent=False)
    api.put(REPLICASETS, raw("web-5d", "rs-later", ("apps/v1", "Deployment", "later", "d")))
    with watching(api, tmp_path) as watch:
        assert watch.pods.find(["u-web"]) == {}


def test_a_right_that_is_missing_is_said_once_and_others_get_their_names(
    api: FakeApi, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api.refuse("/apis/apps", 403, "replicasets is forbidden")
    for number in range(5):
        of_deployment(api, f"web-{number}", f"u{number}", f"w{number}")
    api.put(PODS, raw("bare", "u-bare"))
    with watching(api, tmp_path) as watch:
        assert watch.pods.names() == {"u-bare": "shop/bare"}
        until(lambda: api.count("/apis/apps/v1/namespaces/shop/replicasets/w0-5d") > 2)
    assert caplog.text.count("replicasets is forbidden") == 1


def test_a_pod_that_cannot_be_named_is_not_asked_about_for_every_pod_that_comes(api: FakeApi, tmp_path: Path) -> None:
    of_deployment(api, "web-5d-a", "u-web", put_parent=False)
    watch = NodeWatch(lambda: PlainTransport(api), "n1", NamesFile(tmp_path / "f", "n1"), Pauses(30.0, 30.0))
    watch.begin()
    assert watch.wait(WAIT_SECONDS)
    for number in range(20):
        api.put(PODS, raw(f"bare-{number}", f"u{number}"))
        assert name_of(watch, f"u{number}") == f"shop/bare-{number}"
    watch.close()
    assert api.count("/apis/apps/v1/namespaces/shop/replicasets/web-5d") <= 2


@pytest.mark.parametrize("status", [500, 429])
def test_questions_that_fail_are_asked_again(api: FakeApi, tmp_path: Path, status: int) -> None:
    api.refuse("/apis/apps", status, "busy")
    of_deployment(api, "web-5d-a", "u-web")
    with watching(api, tmp_path, ready=False) as watch:
        api.wait_for("/apis/apps/v1/namespaces/shop/replicasets/web-5d", 3)
        assert watch.pods.find(["u-web"]) == {}
        api.allow("/apis/apps")
        assert name_of(watch, "u-web") == "shop/web"


def test_more_pods_than_have_room_are_refused_and_those_gone_make_room(caplog: pytest.LogCaptureFixture) -> None:
    pods = node_pods.NodePods({}, limit=3)
    metadata = [parse_metadata(raw(f"p{n}", f"u{n}")) for n in range(6)]
    pods.replaced(metadata[:5])
    pods.name_waiting(lambda *_: None, again=True)
    assert sorted(pods.names()) == ["u0", "u1", "u2"] and (pods.used, pods.limit) == (3, 3)
    assert caplog.text.count("more than 3 pods") == 1
    pods.deleted(metadata[0])
    pods.changed(metadata[5])
    pods.name_waiting(lambda *_: None, again=True)
    assert sorted(pods.names()) == ["u0", "u1", "u2", "u5"] and pods.used == 3


def test_names_of_pods_that_are_gone_are_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_pods, "GONE_LIMIT", 4)
    pods = node_pods.NodePods({}, limit=10)
    for number in range(50):
        pod = parse_metadata(raw(f"p{number}", f"u{number}"))
        pods.changed(pod)
        pods.name_waiting(lambda *_: None, again=True)
        pods.deleted(pod)
    assert sorted(pods.names()) == ["u46", "u47", "u48", "u49"] and pods.used == 0


def test_a_node_without_labels_or_without_the_right_has_no_place(api: FakeApi, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with watching(api, tmp_path, node="unknown") as watch:
        until(lambda: watch.place is not None)
        assert watch.place == Place("", "")
    assert "WEIR_NODE_NAME" in caplog.text


def test_the_place_of_another_node_is_not_taken_from_the_file(tmp_path: Path) -> None:
    file = NamesFile(tmp_path / "pod-names", "n1")
    file.write(Remembered({"u": "shop/web"}, Place("z1", "r1")))
    assert file.read() == Remembered({"u": "shop/web"}, Place("z1", "r1"))
    assert NamesFile(tmp_path / "pod-names", "n2").read() == Remembered({"u": "shop/web"})


@pytest.mark.parametrize(
    "text", ["", "[]", '{"names": []}', '{"names": {"u": "n"}}', "\x00\xff", "[" * 100_000, '{"names": 7, "zone": "", "region": ""}']
)
def test_a_file_that_is_none_of_ours_is_ignored(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pod-names"
    path.write_text(text)
    assert NamesFile(path, "n1").read() == Remembered()


def test_names_in_the_file_that_are_none_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "pod-names"
    path.write_text('{"names": {"u1": "shop/web", "u2": 7, "u3": "a\\u0000b", "": "x"}, "zone": "", "region": "", "node": ""}')
    assert NamesFile(path, "n1").read().names == {"u1": "shop/web"}


def test_a_disk_that_takes_no_file_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = NamesFile(tmp_path / "missing" / "pod-names", "n1")
    file.write(Remembered({"u": "n"}))
    file.write(Remembered({"u": "m"}))
    assert caplog.text.count("cannot be kept") == 1
