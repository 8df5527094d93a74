"""A filter's text cut into tokens. Every character belongs to one token or is space, whatever the text is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sinks.filter.tree import KEYWORDS, SPECIAL, shown

TokenKind = Literal["word", "operator", "(", ")", ",", "stray", "end"]


@dataclass(frozen=True)
class Token:
    """`parts`: of a word, what stands between its wildcards. `bare`: nothing of it is quoted. `closed`: its quotation mark was closed.

    `start` and `end`: offsets in characters. `written`: what stands there. A `stray` is a ! or a backslash that means nothing where it is.
    """

    kind: TokenKind
    start: int
    end: int
    written: str
    parts: tuple[str, ...] = ()
    bare: bool = True
    closed: bool = True

    @property
    def keyword(self) -> str:
        low = self.written.lower()
        return low if self.kind == "word" and self.bare and low in KEYWORDS else ""

    @property
    def wild(self) -> bool:
        return len(self.parts) > 1

    @property
    def word(self) -> str:
        """A word's text without its wildcards and quotation marks."""
        return "".join(self.parts)

    @property
    def shown(self) -> str:
        return shown(self.written)


def tokens(text: str) -> tuple[Token, ...]:
    """The last one is of kind `end`. A quotation mark without its partner ends with the text, and is marked."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        letter = text[at]
        if letter.isspace():
            at += 1
            continue
        token = _special(text, at) if letter in "()=!<>,\\" else _word(text, at)
        found.append(token)
        at = token.end
    return (*found, Token("end", len(text), len(text), ""))


def _special(text: str, at: int) -> Token:
    letter = text[at]
    if letter in "(),":
        return Token(letter, at, at + 1, letter)  # type: ignore[arg-type]  # it is one of the three
    two = text[at : at + 2]
    if two in ("!=", "<=", ">="):
        return Token("operator", at, at + 2, two)
    return Token("stray" if letter in "!\\" else "operator", at, at + 1, letter)


def _word(text: str, start: int) -> Token:
    parts, bare, closed, at = [""], True, True, start
    while at < len(text):
        letter = text[at]
        if letter == '"':
            piece, at, closed = _quoted(text, at + 1)
            parts[-1] += piece
            bare = False
        elif letter == "*":
            parts.append("")
            at += 1
        elif letter in SPECIAL or letter.isspace():
            break
        else:
            parts[-1] += letter
            at += 1
    return Token("word", start, at, text[start:at], tuple(parts), bare, closed)


def _quoted(text: str, at: int) -> tuple[str, int, bool]:
    """What stands up to the closing mark, where that ends, and whether there is one."""
    piece: list[str] = []
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            piece.append(text[at + 1])
            at += 2
        elif text[at] == '"':
            return "".join(piece), at + 1, True
        else:
            piece.append(text[at])
            at += 1
    return "".join(piece), at, False
