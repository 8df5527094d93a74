"""axe-core (Deque's rules of accessibility) run inside a page."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.support.processes import ROOT

SOURCE = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
async (rules) => (await axe.run(document, {resultTypes: ["violations"], ...(rules.length ? {runOnly: rules} : {})})).violations.flatMap(
    (one) => one.nodes.map((node) => `${one.id}: ${one.help}: ${node.html.slice(0, 120)} ${node.any.map((why) => why.message).join("; ")}`))
"""


@cache
def _source() -> str:
    assert SOURCE.exists(), f"{SOURCE} is missing: run `make setup-test`"
    return SOURCE.read_text(encoding="utf-8")


def violations(page: Page, *rules: str) -> list[str]:
    """A sentence a breach: the rule, what it asks, the element; of all rules where none is named.

    Evaluated from outside: the page's own policy would refuse the script.
    """
    page.evaluate(_source())
    return list(page.evaluate(RUN, list(rules)))
