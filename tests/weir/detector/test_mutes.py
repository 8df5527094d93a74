"""The file of mutes: patterns with an end and a reason, read again when it changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from schemas.errors import SettingError
from tests.weir.detector.words import NOW_US, key
from weir.detector.mutes import Mutes, read_mutes

MUTE = '[[mute]]\nkind = "fail*"\nsubject = "shop/*"\nuntil = 2026-01-01T01:00:00Z\nreason = "moved"\n'
HOUR_US = 3_600_000_000


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mutes.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("subject", "kind", "at_us", "muted"),
    [
        ("shop/web", "failure", NOW_US, True),
        ("shop/web", "failure", NOW_US + HOUR_US - 1, True),
        ("shop/web", "failure", NOW_US + HOUR_US, False),
        ("shop", "failure", NOW_US, False),
        ("a.shop/web", "failure", NOW_US, False),
        ("shop/web", "scan", NOW_US, False),
    ],
)
def test_a_mute_holds_for_what_its_patterns_name_until_its_end(tmp_path: Path, subject: str, kind: str, at_us: int, muted: bool) -> None:
    mutes = Mutes(written(tmp_path, MUTE))
    assert mutes.holds(key(subject, kind), at_us) is muted  # type: ignore[arg-type]


def test_a_star_alone_is_a_wildcard(tmp_path: Path) -> None:
    (mute,) = read_mutes(written(tmp_path, MUTE.replace("shop/*", "a.b[1]*")))
    assert mute.holds(key("a.b[1]x"), NOW_US) and not mute.holds(key("axb1"), NOW_US)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MUTE.replace("until = 2026-01-01T01:00:00Z\n", ""), "mute.0.until: Field required"),
        (MUTE.replace("Z", ""), "mute.0.until: Input should have timezone info"),
        (MUTE.replace('reason = "moved"\n', ""), "mute.0.reason"),
        (MUTE + 'severity = "info"\n', "mute.0.severity: Extra inputs are not permitted"),
        ("[[mute", "is no TOML"),
    ],
)
def test_a_file_that_is_not_understood_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        read_mutes(written(tmp_path, text))


def test_it_is_read_again_when_it_changes_and_kept_when_it_cannot_be(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = written(tmp_path, MUTE)
    mutes = Mutes(path)
    path.write_text("[[mute")
    for _ in range(2):
        mutes.refresh()
    assert mutes.holds(key("shop/web"), NOW_US) and len(caplog.records) == 1
    path.write_text(MUTE.replace("shop", "other"))
    os.utime(path, ns=(1, 1))
    mutes.refresh()
    assert mutes.holds(key("other/web"), NOW_US) and not mutes.holds(key("shop/web"), NOW_US)


def test_without_a_file_nothing_is_muted() -> None:
    mutes = Mutes(None)
    mutes.refresh()
    assert not mutes.holds(key("a"), NOW_US)
