"""Every picture as a line of text, or as a file."""

from __future__ import annotations

import csv
import json
import re
import shlex
import subprocess
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.console.support import EngineChild, Opener, ready
from tests.support.processes import PATIENCE, run_weir


def copied(page: Page, what: str) -> str:
    page.locator("summary", has_text="Copy").first.click()
    page.get_by_role("menuitem", name=what, exact=True).first.click()
    expect(page.get_by_text("copied")).to_be_visible()
    return str(page.evaluate("navigator.clipboard.readText()"))


def saved(page: Page, what: str, folder: Path) -> Path:
    page.locator("summary", has_text="Copy").first.click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=what, exact=True).first.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_lines_for_the_shell_give_what_the_page_shows(open_page: Opener, engine: EngineChild) -> None:
    page = ready(
        open_page(
            f"explore?from={engine.filled_s - 3_600}&to={engine.filled_s}&shape=table&by=client,server&q=server%3D%22postgres%22",
            permissions=("clipboard-read", "clipboard-write"),
        )
    )
    expect(page.get_by_role("main")).to_contain_text("catalog")
    link = copied(page, "Link to this view")
    assert link == page.url
    curl = shlex.split(copied(page, "curl"))
    answered = subprocess.run(curl, capture_output=True, check=True, timeout=30 * PATIENCE)
    answer = json.loads(answered.stdout)
    assert set(answer["data"]["client"]) == {"catalog", "checkout"}
    assert sum(map(int, answer["data"]["bytes"])) == int(answer["meta"]["total"]["bytes"])
    query = shlex.split(copied(page, "weir query"))
    rows = run_weir(*query[1:], "--format", "json", settings={"clickhouse_url": engine.url}).stdout
    sums = {row["client"]: row["bytes"] for row in map(json.loads, rows.splitlines())}
    assert sums == dict(zip(answer["data"]["client"], answer["data"]["bytes"], strict=True))
    sql = copied(page, "SQL")
    asked = run_weir("query", sql, "--format", "json", settings={"clickhouse_url": engine.url}).stdout
    assert "catalog" in asked


def test_a_csv_file_sums_to_the_whole(open_page: Opener, tmp_path: Path) -> None:
    page = ready(open_page("explore?from=now-2h&to=now&shape=table&by=client,server,service_port"))
    expect(page.get_by_role("main")).to_contain_text("postgres")
    rows = list(csv.DictReader(saved(page, "CSV", tmp_path).read_text().splitlines()))
    answer = page.request.get("api/v1/edges?from=now-2h&to=now&by=protocol&metrics=bytes").json()
    assert {row["client"] for row in rows} >= {"web", "gateway", "checkout"}
    assert sum(int(row["bytes"]) for row in rows) == int(answer["meta"]["total"]["bytes"])


def test_a_picture_of_the_map_is_a_file(open_page: Opener, tmp_path: Path) -> None:
    page = ready(open_page("map"))
    content = saved(page, "PNG", tmp_path).read_bytes()
    assert re.match(rb"\x89PNG\r\n", content)
    assert len(content) > 10_000
