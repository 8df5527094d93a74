"""Texts as numbers: names of many batches as columns over one table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.arrays import U32


class StringTable:
    """Texts as numbers, in order of first sight."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts: list[str] = [*dict.fromkeys(texts)]
        self._numbers = {text: number for number, text in enumerate(self.texts)}

    def __len__(self) -> int:
        return len(self.texts)

    def number(self, text: str) -> int:
        number = self._numbers.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number

    def numbers(self, texts: Sequence[str]) -> U32:
        known = self._numbers
        try:
            return np.fromiter(map(known.__getitem__, texts), np.uint32, len(texts))
        except KeyError:
            pass  # not all of them are known
        new = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(new, count(len(known)), strict=False))
        self.texts += new
        return np.fromiter(map(known.__getitem__, texts), np.uint32, len(texts))

    def joined_numbers(self, lists: Sequence[Sequence[str]], index: NDArray[Any], list_of: NDArray[np.int64]) -> U32:
        """The number of the text at `index` of list `list_of`, row by row."""
        first = np.cumsum([0, *map(len, lists)])[:-1]
        numbers: U32 = self.numbers([*chain.from_iterable(lists)])[index + first[list_of]]
        return numbers
