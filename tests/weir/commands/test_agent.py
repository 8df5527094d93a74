"""What the command hands to the agent."""

from __future__ import annotations

from dataclasses import fields

import pytest

from producers.settings import AgentSettings
from weir.commands.agent import agent_fields
from weir.settings.sources import load_settings


@pytest.mark.parametrize(("text", "reads"), [("", True), ("true", True), ("false", False), ("0", False)])
def test_reading_dns_answers_can_be_switched_off(text: str, reads: bool) -> None:
    handed = agent_fields(load_settings(environment={"WEIR_DOMAINS": text}).settings, False)
    assert handed["domains"] is reads


def test_the_agent_knows_every_field() -> None:
    assert agent_fields(load_settings(environment={}).settings, False).keys() <= {field.name for field in fields(AgentSettings)}
