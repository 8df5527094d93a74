"""SQL that a person wrote: checked by the engine's own parser before it runs. It reads weir's tables, and nothing else.

1. The engine parses and prints it (`formatQuerySingleLine`). The print is one statement without comments; it is what runs.
2. What redirects an answer or changes settings (INTO OUTFILE, FORMAT, SETTINGS) is refused.
3. Functions that leave the engine are refused by their names.
4. The tree (`EXPLAIN AST`) must be that of a statement that reads. Table functions must be on a list.

Beside it stand the engine's own means: `limits.READ_LIMITS` has readonly = 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from schemas.errors import WeirError
from sinks.engines.quoting import quoted

TABLE_FUNCTIONS = frozenset(
    ("generateRandom", "generateSeries", "generate_series", "merge", "null", "numbers", "numbers_mt", "values", "view")
)
"""They read tables of this server, or make rows of nothing."""
OUTSIDE = re.compile(r"(?i:file|catboostEvaluate|hasColumnInTable|logTrace)|(?:ai|AI)[A-Z]\w*")
"""Functions that read files, write to the log, or speak to other hosts. No name of them is taken: `APPLY` and arrayMap take a bare one."""
REDIRECTS = re.compile(r"\bINTO OUTFILE\b|\bFORMAT (?=[`\w])|\bSETTINGS (?=[`\w])")
STATEMENTS = re.compile(r"SelectWithUnionQuery|Describe|Exists|Show|SHOW|Explain")
EXPLAINED = re.compile(r" (?:SelectWithUnionQuery|Set)\b")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_NAME = re.compile(r"'(?:[^'\\]|\\.)*'|`((?:[^`\\]|\\.)*)`|\"((?:[^\"\\]|\\.)*)\"|(\w+)", re.DOTALL)
_FUNCTION = re.compile(r"\s*Function (\S+)")


def check(sql: str, where: str, ask: Callable[[str], str]) -> str:
    """The statement to run in place of `sql`; WeirError where it does more than read.

    `ask` runs one statement of weir's own and returns its one column as text, a line a row; `where` names the engine.
    """
    statement = _printed(sql, where, ask)
    redirect = REDIRECTS.search(_QUOTED.sub("''", statement))
    if redirect:
        raise _refusal(where, f"{redirect.group().strip()} is not taken")
    outside = next((name for name in _names(statement) if OUTSIDE.fullmatch(name)), None)
    if outside:
        raise _refusal(where, f"the function {outside} is not taken")
    tree = ask(f"EXPLAIN AST {statement}").splitlines()
    _check_kind(tree, where)
    _check_table_functions(tree, where)
    return statement


def _printed(sql: str, where: str, ask: Callable[[str], str]) -> str:
    try:
        return ask(f"SELECT formatQuerySingleLine({quoted(sql)})").strip()
    except WeirError as error:
        said = str(error)
        if "nknown function formatQuery" in said:
            raise WeirError(f"{where} is too old to check a statement before it runs: weir needs ClickHouse 25.3 or newer.") from error
        if "Multi-statements" in said:
            raise _refusal(where, "it takes one statement at a time") from error
        raise


def _check_kind(tree: list[str], where: str) -> None:
    if not tree or not STATEMENTS.match(tree[0]):
        raise _refusal(where, f"{tree[0].split()[0].removesuffix('Query') if tree else 'this'} is not taken")
    if tree[0].startswith("Explain"):
        parts = [line for line in tree[1:] if line[:1] == " " and line[1:2] != " "]
        if not all(EXPLAINED.match(line) for line in parts):
            raise _refusal(where, "EXPLAIN is taken of SELECT only")


def _check_table_functions(tree: list[str], where: str) -> None:
    for before, line in zip(["", *tree], tree, strict=False):
        function = _FUNCTION.match(line)
        if function and before.strip().startswith("TableExpression") and function.group(1) not in TABLE_FUNCTIONS:
            raise _refusal(where, f"the table function {function.group(1)} is not taken")


def _names(statement: str) -> Iterator[str]:
    """Everything that may name a function: words and quoted identifiers, not texts."""
    return (name for match in _NAME.finditer(statement) for name in match.groups() if name)


def _refusal(where: str, why: str) -> WeirError:
    return WeirError(f"{where} only answers questions here, {why}: use one SELECT, SHOW, DESCRIBE, EXISTS or EXPLAIN over its tables.")
