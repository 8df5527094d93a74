"""Who stands at an end of a flow: a workload, somebody outside known by a name of DNS, or nobody known, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sinks.filter.tree import word_text

Kind = Literal["workload", "group", "outside", "unnamed", "rest"]
Fold = Literal["auto", "none", "namespace", "zone", "prefix"]

_OWN_KINDS = ("node/", "pod/", "container/")
_FIRST_WORD = re.compile(r"[^-_.]+")


@dataclass(frozen=True)
class End:
    """`key` tells ends apart for ever: positions on a map are kept by it. `term` is made of the rest when it is asked for."""

    key: str
    label: str
    kind: Kind
    field: str = ""
    value: str = ""
    wild: str = ""

    @property
    def term(self) -> str:
        """The filter that means this end; empty: none can."""
        return f"{self.field}={word_text(self.value)}{self.wild}" if self.field else self.value


def end_of(workload: str, domain: str, reason: str) -> End:
    if workload:
        return End(f"w:{workload}", workload, "workload", "workload", workload)
    if domain:
        return End(f"d:{domain}", domain, "outside", "domain", domain)
    return End(f"u:{reason}", f"({reason or 'no name'})", "unnamed", "reason" if reason else "workload", reason)


def group_of(end: End, zone: str, fold: Fold) -> End:
    """The group that an end folds into; the end itself where it folds into none."""
    if fold == "none" or end.kind == "unnamed":
        return end
    if fold == "zone":
        return End(f"z:{zone}", zone or "no zone", "group", "zone", zone)
    if end.kind == "outside":
        return End("g:outside", "outside", "outside", "", "reason in (external, unknown)")
    if end.label.startswith(_OWN_KINDS):
        own = end.label.partition("/")[0] + "/"
        return End(f"g:{own}", f"{own.rstrip('/')}s", "group", "workload", own, "*")
    space, slash, _ = end.label.removeprefix("namespace/").partition("/")
    if slash:
        return End(f"n:{space}", space, "group", "namespace", space)
    if fold == "namespace":
        return end
    word = _FIRST_WORD.match(end.label)
    prefix = word.group() if word else end.label
    return end if prefix == end.label else End(f"p:{prefix}", prefix, "group", "workload", prefix, "*")
