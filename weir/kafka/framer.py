"""Framing by the settings: with a schema registry where one is configured, self-describing otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.wire.framing import Framer
from schemas.wire.schema_files import released

if TYPE_CHECKING:
    from schemas.wire.registry import RegistryAddress
    from weir.settings.catalogue import Settings


def open_framer(settings: Settings) -> Framer:
    """A framer that reads both framings and writes the configured one, with the configured schema of batches."""
    version = flow_batch_version(settings)
    older = () if version is None else (released("FlowBatch", version),)
    if not settings.schema_registry_url:
        return Framer(older=older)
    from schemas.wire.registry import ConfluentRegistry

    return Framer(ConfluentRegistry(registry_address(settings)), older)


def flow_batch_version(settings: Settings) -> int | None:
    """The released version of FlowBatch to write; None: the current one."""
    return None if settings.flow_batch_version == "current" else int(settings.flow_batch_version)


def registry_address(settings: Settings) -> RegistryAddress:
    from schemas.wire.registry import RegistryAddress

    return RegistryAddress(settings.schema_registry_url, str(settings.schema_registry_ca_file or ""))
