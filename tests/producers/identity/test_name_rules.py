"""What a workload is called, and what a names file may say."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.identity.cgroups import Cgroup, walk
from producers.identity.name_rules import NameRule, clean, load_names, name_of
from producers.identity.resolver import VANISHED_WALKS, PathResolver
from schemas.errors import SettingError
from schemas.names import NAME_BYTES, check_name

UID = "2f4b1c3e-1111-4222-8333-123456789abc"
UNDERSCORED = UID.replace("-", "_")
ID = "0123456789ab" + "c" * 52


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("system.slice/nginx.service", "nginx"),
        ("user.slice/user-1000.slice/user@1000.service/app.slice/editor.service", "editor"),
        (f"docker/{ID}", "container/0123456789ab"),
        (f"system.slice/docker-{ID}.scope", "container/0123456789ab"),
        (f"machine.slice/libpod-{ID}.scope/container", "container/0123456789ab"),
        (f"system.slice/crio-{ID}.scope", "container/0123456789ab"),
        (f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope", f"pod/{UID}"),
        (f"kubepods/besteffort/pod{UID}/{ID}", f"pod/{UID}"),
        (f"system.slice/containerd.service/kubepods-pod{UNDERSCORED}.slice:cri-containerd:{ID}", f"pod/{UID}"),
        ("checkout", "checkout"),
        ("batch/nightly", "batch/nightly"),
        ("podium/app", "podium/app"),
        ("system.slice/evil\nname.service", "evil%0Aname"),
    ],
)
def test_names_by_path(path: str, name: str) -> None:
    assert name_of(path) == name


@given(st.text(max_size=1500))
def test_every_cleaned_name_is_one_that_the_wire_takes(text: str) -> None:
    check_name("A name", clean(text))


def test_long_names_are_cut_and_stay_apart() -> None:
    one, other = clean("x" * 10_000), clean("x" * 10_001)
    assert one != other
    assert len(one.encode()) <= NAME_BYTES


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "names.toml"
    path.write_text(text)
    return path


def test_a_names_file_keeps_its_order(tmp_path: Path) -> None:
    text = '[[names]]\npattern = "/a/*"\nworkload = "one"\n[[names]]\npattern = "*"\nworkload = "two"\n'
    assert load_names(file(tmp_path, text)) == (NameRule("/a/*", "one"), NameRule("*", "two"))
    assert load_names(None) == load_names(file(tmp_path, "")) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[names]\n", "not valid TOML"),
        ("[[rules]]\n", "unknown key 'rules'"),
        ("names = 3\n", "[[names]] entry"),
        ("names = [3]\n", "entry 1"),
        ('[[names]]\npattern = "x"\nworkload = "y"\n[[names]]\npattern = "x"\nname = "y"\n', "entry 2 has the unknown key 'name'"),
        ('[[names]]\npattern = "x"\n', "entry 1 has workload = None"),
        ('[[names]]\npattern = ""\nworkload = "y"\n', "entry 1 has pattern = ''"),
        ('[[names]]\npattern = "a[b"\nworkload = "y"\n', "'a[b'"),
        ('[[names]]\npattern = "x"\nworkload = "a\\nb"\n', "control characters"),
        (f'[[names]]\npattern = "x"\nworkload = "{"y" * 513}"\n', "over 512 bytes"),
    ],
)
def test_a_wrong_names_file_is_one_sentence_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingError) as raised:
        load_names(file(tmp_path, text))
    assert said in str(raised.value)
    assert "names.toml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_names_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        load_names(tmp_path / "none.toml")


def resolver(*rules: NameRule) -> PathResolver:
    return PathResolver("n1", Path("/mount/sub"), Path("/mount"), rules)


def test_rules_see_the_whole_path_and_come_before_it() -> None:
    names = resolver(NameRule("/sub/web*", "front"))
    names.learn([Cgroup(1, "", ()), Cgroup(2, "web.service", ()), Cgroup(3, "db.service", ())])
    assert [names.name(i) for i in (1, 2, 3, 4)] == ["node/n1", "front", "db", ""]


def test_a_cgroup_that_is_gone_is_remembered_for_a_while() -> None:
    names = resolver()
    names.learn([Cgroup(1, "job", ())])
    for _ in range(VANISHED_WALKS):
        names.learn([])
        assert names.name(1) == "job"
    names.learn([])
    assert names.name(1) == ""


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.identity.resolver.VANISHED_LIMIT", 10)
    names = resolver()
    for number in range(100):
        names.learn([Cgroup(number, f"job{number}", ())])
    assert [number for number in range(100) if names.name(number)] == list(range(89, 100))


def test_a_walk_finds_directories_with_their_processes(tmp_path: Path) -> None:
    for path in ("", "a", "a/b", "c"):
        (tmp_path / path).mkdir(exist_ok=True)
        (tmp_path / path / "cgroup.procs").write_text("11\n12\n" if path == "a/b" else "")
    found = {group.relative: group for group in walk(tmp_path)}
    assert set(found) == {"", "a", "a/b", "c"}
    assert found["a/b"].pids == (11, 12)
    assert found["c"].id == (tmp_path / "c").stat().st_ino


UIDS = [f"{number}3c6a3f4-6d64-4b0c-9c52-6f0f4d1f0c{number}0" for number in range(6)]


class Pods:
    """Knows what a test tells it, and what was waited for."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.waited: list[set[str]] = []

    def find(self, uids: Collection[str], seconds: float = 0.0) -> dict[str, str]:
        if seconds:
            self.waited.append(set(uids))
        return {uid: self.names[uid] for uid in uids if uid in self.names}


def pod_resolver(pods: Pods, *rules: NameRule) -> PathResolver:
    return PathResolver("n1", Path("/mount"), Path("/mount"), rules, pods)


def shown(names: PathResolver, cgroup_id: int) -> str:
    return names.published(names.name(cgroup_id))


def container(number: int, uid: str) -> Cgroup:
    return Cgroup(number, f"kubepods/burstable/pod{uid}/{number:064x}", ())


def test_a_pod_has_its_workloads_name_outside_and_its_uid_inside() -> None:
    pods = Pods()
    pods.names[UIDS[0]] = "shop/web"
    names = pod_resolver(pods)
    names.learn([container(1, UIDS[0]), container(2, UIDS[0]), container(3, UIDS[1]), Cgroup(4, "x.service", ())])
    assert [names.name(i) for i in (1, 2, 3)] == [f"pod/{UIDS[0]}", f"pod/{UIDS[0]}", f"pod/{UIDS[1]}"]
    assert [shown(names, i) for i in (1, 2, 3, 4, 5)] == ["shop/web", "shop/web", f"pod/{UIDS[1]}", "x", ""]


def test_a_pod_whose_name_comes_late_has_it_from_the_next_look_on_also_when_it_is_gone() -> None:
    pods = Pods()
    names = pod_resolver(pods)
    names.learn([container(1, UIDS[0]), container(2, UIDS[1])])
    pods.names |= {UIDS[0]: "shop/web", UIDS[1]: "shop/db"}
    assert shown(names, 1) == f"pod/{UIDS[0]}"
    names.learn([container(1, UIDS[0])])
    assert (shown(names, 1), shown(names, 2)) == ("shop/web", "shop/db")
    pods.names.clear()
    names.learn([container(1, UIDS[0])])
    assert shown(names, 1) == "shop/web"


def test_a_pod_is_waited_for_once() -> None:
    pods = Pods()
    names = pod_resolver(pods)
    names.learn([container(1, UIDS[0])])
    names.learn([container(1, UIDS[0]), container(2, UIDS[0]), container(3, UIDS[1])])
    names.learn([container(1, UIDS[0])])
    assert pods.waited == [{UIDS[0]}, {UIDS[1]}]


def test_a_names_file_goes_before_what_kubernetes_says() -> None:
    pods = Pods()
    pods.names[UIDS[0]] = "shop/web"
    names = pod_resolver(pods, NameRule(f"*pod{UIDS[0]}*", "front"))
    names.learn([container(1, UIDS[0])])
    assert shown(names, 1) == "front" and not pods.waited


def test_what_lived_between_two_looks_has_its_name() -> None:
    pods = Pods()
    pods.names[UIDS[0]] = "shop/once"
    names = pod_resolver(pods)
    names.learn([Cgroup(9, "", ())], [container(1, UIDS[0]), Cgroup(2, "job.service", ())])
    assert (shown(names, 1), shown(names, 2), names.vanished) == ("shop/once", "job", 2)
    for _ in range(VANISHED_WALKS):
        names.learn([])
    assert (names.name(1), names.published(f"pod/{UIDS[0]}")) == ("", f"pod/{UIDS[0]}")


def test_a_birth_that_lives_is_not_gone() -> None:
    names = pod_resolver(Pods())
    names.learn([container(1, UIDS[0])], [container(1, UIDS[0])])
    assert names.vanished == 0


def test_a_name_fits_the_wire_whatever_the_server_says() -> None:
    pods = Pods()
    pods.names[UIDS[0]] = "a\nb" + "x" * 1_000
    names = pod_resolver(pods)
    names.learn([container(1, UIDS[0])])
    assert "\n" not in shown(names, 1) and len(shown(names, 1).encode()) <= NAME_BYTES
