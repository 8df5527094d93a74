"""Prints docs/helm-values.md: every value of the chart, its default and what values.yaml says of it.

python3 infra/helm/values_page.py > docs/helm-values.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VALUES = Path(__file__).parent / "weir" / "values.yaml"
_KEY = re.compile(r"^( *)(\w+):(?: (.+))?$")
OF_PODS = {
    "affinity": "as in a pod",
    "enabled": "whether it is there",
    "nodeSelector": "as in a pod",
    "podAnnotations": "more annotations of the pods",
    "podLabels": "more labels of the pods",
    "priorityClassName": "as in a pod",
    "resources": "as in a container",
    "tolerations": "as in a pod",
}
"""Keys whose name says it; a comment in values.yaml goes before."""

HEAD = """\
# Values of the chart

`helm show values infra/helm/weir` prints them with their defaults; a value that is not among them is refused.
This page is made of `values.yaml` by `infra/helm/values_page.py`.
"""


@dataclass
class Value:
    """One line of values.yaml. `default`: empty where lines below it say more."""

    path: tuple[str, ...]
    default: str
    said: str


def values(text: str) -> Iterator[Value]:
    said: list[str] = []
    path: list[str] = []
    last: Value | None = None
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            said.append(line.strip().removeprefix("#").strip())
        elif match := _KEY.match(line):
            if last:
                yield last
            indent, key, default = len(match[1]) // 2, match[2], match[3] or ""
            path = [*path[:indent], key]
            last, said = Value(tuple(path), default, " ".join(said)), []
        elif line.strip() and last:
            last.default += (" " if last.default else "") + line.strip()
        elif not line.strip():
            said = []
    if last:
        yield last


def page(text: str) -> str:
    found = list(values(text))
    parents = {value.path[:length] for value in found for length in range(1, len(value.path))}
    notes = {value.path: value.said for value in found}
    leaves = [value for value in found if value.path not in parents]
    tops = [path[0] for path in notes if len(path) == 1 and path in parents]
    sections = {top: [value for value in leaves if value.path[0] == top] for top in tops}
    sections["of all parts"] = [value for value in leaves if len(value.path) == 1]
    parts = [HEAD]
    for title, rows in sections.items():
        said = notes.get((title,), "")
        table = ["| value | default | meaning |", "|---|---|---|", *(_row(value, notes) for value in rows)]
        parts.append("\n".join([f"## {title}\n", *([f"{said}\n"] if said else []), *table, ""]))
    return "\n".join(parts)


def _row(value: Value, notes: dict[tuple[str, ...], str]) -> str:
    above = notes.get(value.path[:-1], "") if len(value.path) > 2 else ""
    said = value.said or OF_PODS.get(value.path[-1], above)
    default = "" if value.default in ('""', "{}", "[]", "") else f"`{value.default}`"
    return f"| `{'.'.join(value.path)}` | {default} | {said.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    sys.stdout.write(page(VALUES.read_text()))
