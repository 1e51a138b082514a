"""The n-grams of a few hypotheses, numbered, with the hypotheses that hold each."""

import numpy as np

from llm_game_env.diversity.key_table import KeyTable
from llm_game_env.diversity.occurrences import occurrence_ranks
from llm_game_env.diversity.token_batch import END, TokenBatch, text_of_token


class OrderFeatures:
    """The features of one order: n-gram number g, occurrence j -> who holds it.

    A feature is the j-th occurrence of an n-gram in a text. Feature 0 is held by nobody.
    """

    def __init__(
        self, numbers: np.ndarray, ranks: np.ndarray, rows: np.ndarray, lanes: np.ndarray
    ) -> None:
        """Collect features from occurrences: n-gram numbers (>= 1), ranks and texts, int [n].

        `lanes` is an empty array [0, columns] of the counter type, at least one column a text.
        """
        count = int(numbers.max(initial=0)) + 1
        self._width = np.zeros(count, np.int32)  # occurrences to tell apart, per n-gram
        np.maximum.at(self._width, numbers, ranks + 1)
        self._first = 1 + np.cumsum(self._width, dtype=np.int32) - self._width
        holders = np.zeros((1 + int(self._width.sum()), lanes.shape[1]), lanes.dtype)
        holders[self._first[numbers] + ranks, rows] = 1
        # Counters of several texts side by side in one machine word are added at once.
        self._packed = holders.view(np.uint64)
        self._lane = lanes.dtype

    def count(self, numbers: np.ndarray, ranks: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """How many features each hypothesis shares with each reference.

        Args:
            numbers: n-gram numbers (0: none) of the references' tokens, reference by reference.
            ranks: their ranks.
            starts: the index at which each reference's run begins; no run is empty.

        Returns:
            unsigned integers [len(starts), columns].
        """
        shared = self._first.take(numbers) + ranks
        shared[ranks >= self._width.take(numbers)] = 0
        sums = np.add.reduceat(self._packed.take(shared, axis=0), starts, axis=0)
        return sums.view(self._lane)


class BatchFeatures:
    """A batch's features of every order, and how to find them in a stretch of the history."""

    def __init__(self, batch: TokenBatch, max_order: int, vocabulary_size: int) -> None:
        tokens = np.maximum(batch.tokens, END)
        rows = text_of_token(batch.tokens)
        ranks = occurrence_ranks(batch.tokens, max_order)
        self.max_order = max_order
        self.lanes = _empty_lanes(len(batch.lengths), int(batch.lengths.max(initial=0)))
        self._local, words = _number_words(tokens, vocabulary_size)
        self._base = int(words.max(initial=0)) + 1
        self._tables: list[KeyTable] = []
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
            self.orders.append(OrderFeatures(numbers, rank, rows[places], self.lanes))

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
        kept = np.flatnonzero(numbers)
        return places.take(kept), numbers.take(kept)

    def _extend(
        self, places: np.ndarray, numbers: np.ndarray, words: np.ndarray, order: int
    ) -> tuple[np.ndarray, np.ndarray]:
        # The shorter n-gram lies within a text that END follows, so the place exists.
        following = words.take(places + (order - 1))
        kept = np.flatnonzero(following)
        keys = numbers.take(kept).astype(np.int64) * self._base + following.take(kept)
        return places.take(kept), keys


def _number_words(tokens: np.ndarray, vocabulary_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Number a batch's words 1, 2, …: int32 map [vocabulary + 1], and the batch mapped, [T]."""
    local = np.zeros(vocabulary_size + 1, np.int32)
    local[tokens] = 1
    local[END] = 0
    present = np.flatnonzero(local)
    local[present] = np.arange(1, len(present) + 1)
    return local, local[tokens]


def _empty_lanes(texts: int, longest: int) -> np.ndarray:
    """An empty array of the smallest counters that `longest` matches fit, one column a text."""
    lane = np.min_scalar_type(longest)
    per_word = 8 // lane.itemsize
    return np.zeros((0, -(-texts // per_word) * per_word), lane)
