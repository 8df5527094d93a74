"""The answers as pages: what is worst, what was found, what it costs, whether it gets there, what may talk to what, how it goes on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.axe import violations
from tests.console.map_hook import badges, box_of
from tests.console.support import EngineChild, Opener, ready


@pytest.fixture
def told(engine: EngineChild) -> str:
    """Parameters of a span of which all nodes have told, and nothing is lost."""
    return f"from={engine.filled_s - 900}&to={engine.filled_s - 60}"


def verdict(page: Page) -> Locator:
    return page.get_by_role("region", name="Path").get_by_role("heading", level=2).first


def test_a_path_is_asked_between_two_shapes_of_the_map(open_page: Opener, told: str) -> None:
    page = ready(open_page(f"map?{told}"))
    client, server = box_of(page, "w:reports"), box_of(page, "w:archive")
    page.mouse.click(client.x, client.y)
    page.keyboard.press("p")
    expect(page.get_by_text("Path from reports")).to_be_visible()
    page.mouse.click(server.x, server.y)
    expect(page).to_have_url(re.compile(r"path\?.*client=reports&server=archive"))
    expect(verdict(page), "one port answers and the other refuses").to_contain_text("at times")


def test_the_path_of_an_edge_says_since_when_it_fails_and_which_node_told_it(open_page: Opener, told: str) -> None:
    page = ready(open_page(f"map?{told}&sel=w:reports%3Ew:archive"))
    page.keyboard.press("p")
    page.get_by_role("textbox", name="Port").fill("9001")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("port=9001"))
    expect(verdict(page)).to_contain_text("It fails")
    evidence = page.get_by_role("table", name="Evidence by node")
    expect(evidence.get_by_role("row").filter(has_text="node-2")).to_contain_text("✗")
    page.get_by_role("button", name="its flows").click()
    expect(page).to_have_url(re.compile(r"flows\?.*q=client%3Dreports"))


def test_what_is_not_told_is_not_known_and_the_page_says_why(open_page: Opener) -> None:
    page = ready(open_page("path?client=reports&server=archive&port=9001&from=now-1m&to=now"))
    expect(verdict(page)).to_contain_text("not known")
    expect(page.get_by_role("listitem").filter(has_text="told of no window")).to_be_visible()


def test_a_name_that_nobody_has_is_told_in_a_sentence(open_page: Opener) -> None:
    page = open_page("path?client=nobody&server=archive", allow=("400",))
    expect(page.get_by_role("alert")).to_contain_text("client=nobody")


def test_a_cost_is_an_estimate_and_what_has_no_price_is_not_free(open_page: Opener) -> None:
    page = ready(open_page("cost?from=now-1h&to=now"))
    expect(page.get_by_role("heading", name="An estimate, not a bill")).to_be_visible()
    expect(page.get_by_role("table", name="Classes")).to_contain_text("between zones")
    expect(page.get_by_role("region", name="Cost")).to_contain_text("Without a price")
    expect(page.get_by_role("table", name="Classes")).not_to_contain_text("0.00")


def test_a_finding_is_marked_on_its_edge_and_leads_to_its_flows(open_page: Opener) -> None:
    page = ready(open_page("map"))
    edge = page.get_by_role("list", name="Shapes and edges of the map").get_by_role("button", name=re.compile("^catalog calls recommender"))
    expect(edge).to_contain_text("found:")
    assert "new call" in [badge.key for badge in badges(page)]
    page.get_by_role("button", name=re.compile("1 finding open")).click()
    finding = ready(page).get_by_role("article", name="new call: catalog")
    expect(finding).to_contain_text("catalog → recommender:8090")
    finding.get_by_role("button", name="its flows of that time").click()
    expect(page).to_have_url(re.compile(r"flows\?from=.*q=client%3Dcatalog\+server%3Drecommender\+port%3D8090"))
    expect(page.get_by_role("table", name="Flows, the newest first").get_by_role("row").nth(1)).to_contain_text("recommender")


def test_what_is_open_comes_first_and_evidence_is_told_in_words(open_page: Opener) -> None:
    page = ready(open_page("security?from=now-1h&to=now"))
    findings = page.get_by_role("article")
    expect(findings).to_have_count(2)
    expect(findings.first).to_contain_text("new call")
    scan = page.get_by_role("article", name="scan: reports")
    scan.get_by_text("evidence").click()
    expect(scan.get_by_role("definition").filter(has_text="98 %")).to_be_visible()
    expect(scan.get_by_role("definition").filter(has_text="5 min")).to_be_visible()
    assert violations(page) == []


def test_roles_are_shown_against_each_other_with_what_a_policy_would_cut(open_page: Opener) -> None:
    page = ready(open_page("segments?from=now-2h&to=now&policy=cilium"))
    expect(page.get_by_role("table", name="Roles").get_by_role("button", name="postgres")).to_be_visible()
    page.get_by_role("table", name="connections of client and server").get_by_role("button").first.click()
    expect(page.get_by_role("table", name="Between these roles")).to_contain_text("tcp")
    expect(page).to_have_url(re.compile("pair="))
    expect(page.get_by_role("region", name="Segments")).to_contain_text("put to the policies")
    expect(page.get_by_role("heading", name="Before a policy can be used")).to_be_visible()


def test_what_is_worst_stands_above_the_map_and_leads_to_its_edge(open_page: Opener, told: str) -> None:
    page = ready(open_page(f"map?{told}"))
    worst = page.get_by_role("group", name="Worse than usual").get_by_role("listitem").first.get_by_role("button")
    expect(worst).to_contain_text("100 % fail reports → archive:9001")
    worst.click()
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("The server refuses")


def test_health_says_how_it_is_against_usual_and_of_how_many(open_page: Opener, told: str) -> None:
    page = ready(open_page(f"health?{told}"))
    row = page.get_by_role("table", name="Worse than usual").get_by_role("row").filter(has_text="archive")
    expect(row).to_contain_text("▲ critical")
    expect(row).to_contain_text(re.compile("failed of .* connects"))
    row.get_by_role("button", name="path").click()
    expect(verdict(page)).to_contain_text("It fails")


def test_where_nothing_is_worse_than_usual_the_page_says_so(open_page: Opener, told: str) -> None:
    page = ready(open_page(f"map?{told}&q=client%3Dweb"))
    expect(page.get_by_role("group", name="Worse than usual").get_by_role("list")).to_have_count(0)
    page.get_by_role("button", name="nothing is worse than usual").click()
    expect(page.get_by_role("heading", name="Nothing is worse than usual")).to_be_visible()


def test_a_forecast_that_is_refused_says_why(open_page: Opener) -> None:
    page = ready(open_page("workload?name=payments"))
    page.get_by_role("button", name="forecast of a week").click()
    expect(page.get_by_role("region", name="Forecast")).to_contain_text("history")
    expect(page).to_have_url(re.compile("forecast=7d"))
