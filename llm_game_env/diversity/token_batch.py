"""Texts as word numbers: what SelfBLEU counts instead of strings."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from llm_game_env.diversity.words import split_texts
from llm_game_env.errors import ConfigurationError

END = 0
"""The number that closes every text, so that no n-gram of words reaches into the next text."""
UNKNOWN = -1
"""The number of a word that the vocabulary lacks: it can match nothing in the history."""


class TokenBatch(NamedTuple):
    """Texts laid end to end.

    Attributes:
        tokens: int32 [T], the texts' word numbers (1, 2, … or `UNKNOWN`), each text closed by
            `END`.
        lengths: int32 [N], words of each text, without its `END`.
    """

    tokens: np.ndarray
    lengths: np.ndarray


class Vocabulary(dict[str, int]):
    """Words numbered from 1 in the order in which they were first looked up with `[]`."""

    def __missing__(self, word: str) -> int:
        number = len(self) + 1
        self[word] = number
        return number

    def add(self, texts: Sequence[str]) -> TokenBatch:
        """Split texts into words, numbering the new ones."""
        return _lay_out([list(map(self.__getitem__, words)) for words in split_texts(texts)])

    def look_up(self, texts: Sequence[str]) -> TokenBatch:
        """Split texts into words, new ones being `UNKNOWN`; the vocabulary stays as it is."""
        number = self.get
        return _lay_out([[number(word, UNKNOWN) for word in words] for words in split_texts(texts)])


def checked_texts(texts: Sequence[str]) -> Sequence[str]:
    """The texts themselves; raises ConfigurationError for a lone string or another item."""
    if isinstance(texts, str):
        raise ConfigurationError(
            f"texts must be a sequence of strings, not the single string {texts[:40]!r}; "
            "put it into a list."
        )
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigurationError(
                f"texts[{row}] is {text!r} of type {type(text).__name__}; every item must be a str."
            )
    return texts


def text_of_token(tokens: np.ndarray) -> np.ndarray:
    """The row of the text that each token (its closing `END` included) belongs to, [T]."""
    ends = tokens == END
    return np.cumsum(ends) - ends


def _lay_out(numbered: Iterable[list[int]]) -> TokenBatch:
    tokens: list[int] = []
    lengths: list[int] = []
    for numbers in numbered:
        tokens += numbers
        tokens.append(END)
        lengths.append(len(numbers))
    return TokenBatch(np.array(tokens, np.int32), np.array(lengths, np.int32))
