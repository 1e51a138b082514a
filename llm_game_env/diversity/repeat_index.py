"""Which n-grams some text of the history repeats, and how often at most."""

import numpy as np

from llm_game_env.diversity.growing import GrowingArray
from llm_game_env.diversity.ngram_index import NgramIndex


class RepeatIndex:
    """Pairs (n-gram, rank >= 1): a text of the history holds the n-gram rank + 1 times.

    The rank is written behind the n-gram's words as if it were one more word, so that an index of
    (n + 1)-grams does the rest. Repetitions within a text are few.
    """

    def __init__(self, order: int) -> None:
        self._order = order
        self._index = NgramIndex(order + 1)
        self._tokens = GrowingArray(np.int32)

    def add(self, tokens: np.ndarray, places: np.ndarray, ranks: np.ndarray) -> None:
        """Enter the n-grams that begin at `places` of `tokens`, with their ranks, int [n]."""
        rows = self._rows(tokens, places, ranks)
        rows = rows[~self._contains(rows)]
        begin = len(self._tokens)
        self._tokens.append(rows.ravel())
        self._index.add(self._tokens.values, begin + _places(rows))

    def contains(self, tokens: np.ndarray, places: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """Whether some text repeats each n-gram that often, bool [n]; arguments as in `add`."""
        return self._contains(self._rows(tokens, places, ranks))

    def _rows(self, tokens: np.ndarray, places: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        words = tokens.take(places[:, None] + np.arange(self._order))
        return np.concatenate([words, ranks[:, None].astype(words.dtype)], axis=1)

    def _contains(self, rows: np.ndarray) -> np.ndarray:
        return self._index.find(self._tokens.values, rows.ravel(), _places(rows)) >= 0


def _places(rows: np.ndarray) -> np.ndarray:
    return np.arange(len(rows)) * rows.shape[1]
