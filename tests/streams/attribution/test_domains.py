"""Registrable parts, and who may have a domain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.attribution.attribute import REASONS, SOURCES, Attribution
from streams.attribution.domains import may_have_domain, registrable_part, registrable_parts


@pytest.mark.parametrize(
    ("domain", "part"),
    [
        ("example.com", "example.com"),
        ("www.api.example.com", "example.com"),
        ("www.example.co.uk", "example.co.uk"),
        ("WWW.Example.COM", "example.com"),
        ("www.example.com.", "example.com"),
        ("_dmarc.example.com", "example.com"),
        ("shop.github.io", "shop.github.io"),
        ("a.shop.github.io", "shop.github.io"),
        ("bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com"),
        ("www.city.kawasaki.jp", "city.kawasaki.jp"),
        ("a.b.kawasaki.jp", "a.b.kawasaki.jp"),
        ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("db.corp.no-such-suffix", "corp.no-such-suffix"),
        ("github.io", ""),
        ("co.uk", ""),
        ("com", ""),
        ("localhost", ""),
        ("192.0.2.1", ""),
        ("a..com", ""),
        (".", ""),
        ("", ""),
    ],
)
def test_the_part_that_somebody_registered(domain: str, part: str) -> None:
    assert registrable_part(domain) == part


LABELS = st.lists(st.text("abcxyz019-_", min_size=1, max_size=8), min_size=1, max_size=5)


@given(LABELS, st.sampled_from(["com", "co.uk", "github.io", "kawasaki.jp", "ck", "unlisted"]))
def test_a_part_is_an_end_of_its_domain_and_its_own_part(labels: list[str], suffix: str) -> None:
    domain = ".".join([*labels, suffix])
    part = registrable_part(domain)
    if not part:  # below kawasaki.jp, say, every label is a suffix
        assert len(labels) == 1
        return
    assert domain == part or domain.endswith(f".{part}")
    assert registrable_part(part) == part
    if part != domain:
        assert registrable_part(f"x.{domain}") == part, "more labels in front change nothing"


@given(st.lists(st.text(max_size=20), max_size=5))
def test_any_text_has_a_part_or_none(texts: list[str]) -> None:
    parts = registrable_parts(texts)
    assert len(parts) == len(texts)
    assert all(isinstance(part, str) for part in parts)


def test_an_end_that_anybody_speaks_for_has_no_domain() -> None:
    """A name by heartbeat or event, and also no name where somebody held the address at another time, or several did."""
    pairs = [(source, "") for source in SOURCES if source != "none"] + [("none", reason) for reason in REASONS if reason]
    source, reason = (np.array(column, np.uint8) for column in zip(*((SOURCES.index(s), REASONS.index(r)) for s, r in pairs), strict=True))
    nobody = np.zeros(len(pairs), np.uint32)
    no = np.zeros(len(pairs), np.bool_)
    allowed = may_have_domain(Attribution(nobody, source, reason, no, nobody, no, nobody))
    assert {pairs[row] for row in np.flatnonzero(allowed)} == {("cidr", ""), ("none", "external"), ("none", "unknown")}
