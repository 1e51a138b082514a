"""The n-grams of a few hypotheses, numbered, with the hypotheses that hold each."""

from collections.abc import Iterator

import numpy as np

from llm_game_env.diversity.counters import Counters
from llm_game_env.diversity.key_table import KeyTable
from llm_game_env.diversity.occurrences import occurrence_ranks
from llm_game_env.diversity.token_batch import END, TokenBatch, text_of_token

_HYPOTHESES = 64  # at a time: a row of counters is one cache line


class OrderFeatures:
    """The features of one order: n-gram number g, occurrence j -> who holds it.

    A feature is the j-th occurrence of an n-gram in a text. Feature 0 is held by nobody.

    Attributes:
        holders: float64 [features, columns], see `Counters`: which texts have the feature.
    """

    def __init__(
        self, numbers: np.ndarray, ranks: np.ndarray, texts: np.ndarray, counters: Counters
    ) -> None:
        """Collect features from occurrences: n-gram numbers (>= 1), ranks and texts, int [n]."""
        count = int(numbers.max(initial=0)) + 1
        self._width = np.zeros(count, np.int32)  # occurrences to tell apart, per n-gram
        np.maximum.at(self._width, numbers, ranks + 1)
        self._first = 1 + np.cumsum(self._width, dtype=np.int32) - self._width
        features = self._first[numbers] + ranks
        self.holders = counters.ones(features, texts, 1 + int(self._width.sum()))

    def find(self, numbers: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """The features of occurrences, int32 [n], 0 for those beyond what any text holds.

        Args:
            numbers: n-gram numbers, int [n], 0 for none of the batch.
            ranks: their ranks, int [n].
        """
        found = self._first.take(numbers) + ranks
        found[ranks >= self._width.take(numbers)] = 0
        return found


class BatchFeatures:
    """A batch's features of every order, and how to find them in a stretch of the history."""

    def __init__(self, batch: TokenBatch, max_order: int, vocabulary_size: int) -> None:
        tokens = np.maximum(batch.tokens, END)
        rows = text_of_token(batch.tokens)
        ranks = occurrence_ranks(batch.tokens, max_order)
        self._texts = len(batch.lengths)
        self.counters = Counters(len(batch.lengths), int(batch.lengths.max(initial=0)))
        self._local, words = _number_words(tokens, vocabulary_size)
        self._base = int(words.max(initial=0)) + 1
        self._tables: list[KeyTable] = []
        self._ones = np.ones(0)  # made once for all products
        self.orders: list[OrderFeatures] = []
        places = np.flatnonzero(words)
        numbers = words[places]
        for order in range(1, max_order + 1):
            if order > 1:
                places, keys = self._extend(places, numbers, words, order)
                distinct, inverse = np.unique(keys, return_inverse=True)
                self._tables.append(KeyTable(distinct))
                numbers = (inverse + 1).astype(np.int32)
            rank = ranks[places, order - 1]
            self.orders.append(OrderFeatures(numbers, rank, rows[places], self.counters))

    def words_in(self, tokens: np.ndarray) -> np.ndarray:
        """The batch's own numbers of history tokens, int32 [T], 0 for words it lacks."""
        return self._local.take(tokens)

    def longer(
        self, places: np.ndarray, numbers: np.ndarray, words: np.ndarray, order: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where n-grams of the batch of this order begin, given those one word shorter.

        Args:
            places: int [n], where the shorter n-grams begin in `words`; numbers: which they are.
            words: int32 [T], from `words_in`.
            order: n of the longer ones, from 2.

        Returns:
            places and numbers of the longer ones.
        """
        places, keys = self._extend(places, numbers, words, order)
        numbers = self._tables[order - 2].find(keys)
        kept = np.flatnonzero(numbers != 0)
        return places.take(kept), numbers.take(kept)

    def count(self, order: int, found: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """How many features of an order each hypothesis shares with each of R references.

        Args:
            order: n.
            found: the features found in the references, int32 [n], reference by reference.
            stops: where each reference ends in them, int [R].

        Returns:
            unsigned integers [R, lanes], see `Counters`.
        """
        # Imported here: it takes 0.1 s, and a game without a diversity term needs it not.
        from scipy.sparse import csr_array

        holders = self.orders[order - 1].holders
        begins = np.zeros(len(stops) + 1, np.int32)
        begins[1:] = stops
        if len(found) > len(self._ones):
            self._ones = np.ones(len(found))
        ones = self._ones[: len(found)]
        shared = csr_array((ones, found, begins), (len(stops), len(holders)))
        return self.counters.read(shared @ holders)

    def total(self, order: int, which: np.ndarray) -> np.ndarray:
        """How many of some features of an order each hypothesis has.

        Args:
            order: n.
            which: bool [features].

        Returns:
            unsigned integers [N].
        """
        sums = self.orders[order - 1].holders[which].sum(axis=0, keepdims=True)
        return self.counters.read(sums)[0, : self._texts]

    def _extend(
        self, places: np.ndarray, numbers: np.ndarray, words: np.ndarray, order: int
    ) -> tuple[np.ndarray, np.ndarray]:
        # The shorter n-gram lies within a text that END follows, so the place exists.
        following = words.take(places + (order - 1))
        kept = np.flatnonzero(following != 0)
        keys = numbers.take(kept).astype(np.int64) * self._base + following.take(kept)
        return places.take(kept), keys


def features_by_parts(
    batch: TokenBatch, max_order: int, vocabulary_size: int
) -> Iterator[tuple[slice, np.ndarray, BatchFeatures]]:
    """A batch a few texts at a time: which they are, their lengths and their features."""
    ends = np.cumsum(batch.lengths + 1)
    for first in range(0, len(ends), _HYPOTHESES):
        rows = slice(first, min(first + _HYPOTHESES, len(ends)))
        lengths = batch.lengths[rows]
        begin = ends[first] - lengths[0] - 1
        part = TokenBatch(batch.tokens[begin : ends[rows.stop - 1]], lengths)
        yield rows, lengths, BatchFeatures(part, max_order, vocabulary_size)


def _number_words(tokens: np.ndarray, vocabulary_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Number a batch's words 1, 2, …: int32 map [vocabulary + 1], and the batch mapped, [T]."""
    local = np.zeros(vocabulary_size + 1, np.int32)
    local[tokens] = 1
    local[END] = 0
    present = np.flatnonzero(local)
    local[present] = np.arange(1, len(present) + 1)
    return local, local[tokens]
