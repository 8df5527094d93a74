"""Findings in real tables: the highest version of an id counts, however often its rows are written, and what is open is read back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from schemas.records.finding import Finding, FindingKey, finding_id
from schemas.records.finding_change import FindingChange
from sinks.clickhouse import ClickHouseSink
from sinks.engines.base import Engine
from sinks.open import open_engine
from sinks.queries.findings import FindingsQuestion, ask_findings, ask_open, unknown_words
from sinks.queries.spans import Span
from tests.weir.detector.words import STEP_US, at
from weir.detector.table import findings_of, rows_of
from weir.query_options import read_filter

SPAN = Span(at(0) // 1_000_000, at(100) // 1_000_000)


@pytest.fixture
def engine(migrated: Path, tmp_path: Path) -> Iterator[Engine]:
    copytree(migrated, tmp_path / "data", symlinks=True)
    with closing(open_engine(f"chdb://{tmp_path / 'data'}")) as opened:
        yield opened


def opened(subject: str, step: int) -> FindingChange:
    key = FindingKey("scan", "default", subject, "", 0)
    finding = Finding(finding_id(key, at(step)), key, "open", "critical", at(step) + 7, at(step) + 9, 2**40, '{"tried":"\'\\\\"}', at(step))
    return FindingChange("opened", finding, "")


def closed(change: FindingChange) -> FindingChange:
    later = change.finding.version + STEP_US
    return FindingChange("closed", replace(change.finding, state="closed", last_seen_us=later, version=later), change.withheld)


def test_an_id_is_one_row_whatever_was_written_in_which_order(engine: Engine) -> None:
    sink, one, other = ClickHouseSink(engine), opened("a", 1), opened("b", 2)
    for changes in ([closed(one)], [one, other], [closed(one)], [one]):
        sink.write_set("findings", rows_of(changes))
    rows = ask_findings(engine.ask, FindingsQuestion(SPAN)).to_pylist()
    assert [(row["subject"], row["state"]) for row in rows] == [("b", "open"), ("a", "closed")]
    assert findings_of(ask_open(engine.ask)) == (replace(other, change="updated"),)


def test_they_are_found_by_names_and_by_when_they_were_open(engine: Engine) -> None:
    one, other = opened("shop/a%'b", 1), opened("pay/c", 2)
    ClickHouseSink(engine).write_set("findings", rows_of([closed(one), other]))

    def found(written: str = "", span: Span = SPAN) -> list[str]:
        question = FindingsQuestion(span, filter=read_filter(written))
        return sorted(ask_findings(engine.ask, question).column("subject").to_pylist())

    assert found() == ["pay/c", "shop/a%'b"]
    assert found("namespace=shop") == found('client="shop/a%\'b"') == ["shop/a%'b"]
    assert found("not namespace=shop") == found("client=pay*") == ["pay/c"]
    assert found(span=Span(at(50) // 1_000_000, at(51) // 1_000_000)) == ["pay/c"]


def test_words_that_findings_do_not_have_are_told() -> None:
    assert unknown_words(read_filter("client=a port=1 network=x b")) == ()
    assert unknown_words(read_filter("zone=a bytes>1")) == ("bytes", "client_zone", "server_zone")
