"""SelfBLEU against a history, one reference at a time, averaged.

Linear in the history by nature, so the work per reference is kept to integer sums: matches are
counted for 64 hypotheses at once, and pairs that share no trigram and at most three bigrams
(nearly all of them) take their score from a small table. Logarithms and exponentials are left
for the rest.
"""

import numpy as np

from llm_game_env.diversity.batch_features import BatchFeatures
from llm_game_env.diversity.bleu import brevity_penalty, log_precision, mean_bleu
from llm_game_env.diversity.growing import GrowingArray
from llm_game_env.diversity.occurrences import occurrence_ranks
from llm_game_env.diversity.token_batch import TokenBatch

_HYPOTHESES = 64  # at a time: a row of counters is one cache line
_TOKENS = 1 << 16  # of the history at a time: the counters stay in the cache
_BIGRAMS = 4  # matches 0 … 3 in the table
_RANK = np.iinfo(np.uint16)


class PairwiseHistory:
    """The history's words and the ranks of their n-grams; 14 bytes a word for n up to 5.

    An n-gram that one text repeats more than 65,535 times counts as repeated that often.
    """

    def __init__(self, ngrams: tuple[int, ...]) -> None:
        self._ngrams = ngrams
        self._max_order = max(ngrams)
        self._tokens = GrowingArray(np.int32)
        self._ranks = GrowingArray(np.uint16, (self._max_order,))
        self._ends = GrowingArray(np.int64)

    @property
    def tokens(self) -> np.ndarray:
        """The texts added, laid out as in `TokenBatch`, int32 [T]; a view."""
        return self._tokens.values

    def add(self, batch: TokenBatch) -> None:
        """Append texts, all of whose words are known."""
        ranks = occurrence_ranks(batch.tokens, self._max_order)
        self._ends.append(len(self._tokens) + np.cumsum(batch.lengths + 1, dtype=np.int64))
        self._tokens.append(batch.tokens)
        self._ranks.append(np.minimum(ranks, _RANK.max))

    def score(self, batch: TokenBatch, vocabulary_size: int) -> np.ndarray:
        """Mean BLEU to the history, float64 [N]; the history must not be empty."""
        scores = np.zeros(len(batch.lengths))
        ends = np.cumsum(batch.lengths + 1)
        for row in range(0, len(scores), _HYPOTHESES):
            lengths = batch.lengths[row : row + _HYPOTHESES]
            last = row + len(lengths) - 1
            begin = ends[row] - lengths[0] - 1
            part = TokenBatch(batch.tokens[begin : ends[last]], lengths)
            scores[row : last + 1] = self._score_few(part, vocabulary_size)
        return scores / len(self._ends)

    def _score_few(self, batch: TokenBatch, vocabulary_size: int) -> np.ndarray:
        features = BatchFeatures(batch, self._max_order, vocabulary_size)
        table = _ScoreTable(batch.lengths, features.lanes.shape[1], self._ngrams)
        ends = self._ends.values
        total = np.zeros(len(batch.lengths))
        first = 0
        while first < len(ends):
            begin = int(ends[first - 1]) if first else 0
            # At least one reference, however long.
            stop = max(first + 1, int(np.searchsorted(ends, begin + _TOKENS)))
            counts = self._count(features, begin, ends[first:stop] - begin)
            lengths = np.diff(ends[first:stop], prepend=begin) - 1
            total += table.sum_of_scores(counts, lengths)
            first = stop
        return total

    def _count(self, features: BatchFeatures, begin: int, ends: np.ndarray) -> list[np.ndarray]:
        """Clipped matches of each order, unsigned [references, lanes], for one stretch."""
        tokens = self._tokens.values[begin : begin + int(ends[-1])]
        ranks = self._ranks.values[begin : begin + len(tokens)]
        words = features.words_in(tokens)
        places = np.flatnonzero(words)
        numbers = words.take(places)
        counts = []
        for order, of_order in enumerate(features.orders, start=1):
            if order > 1:
                places, numbers = features.longer(places, numbers, words, order)
            shape = (len(ends), features.lanes.shape[1])
            matches = np.zeros(shape, features.lanes.dtype)
            # Where each reference's run of places ends; runs without a place are left out,
            # because np.add.reduceat takes an empty run for one item.
            stops = np.searchsorted(places, ends)
            starts = np.concatenate([np.zeros(1, stops.dtype), stops[:-1]])
            filled = np.flatnonzero(stops > starts)
            if len(filled):
                rank = ranks[:, order - 1].take(places).astype(np.int32)
                matches[filled] = of_order.count(numbers, rank, starts[filled])
            counts.append(matches)
        return counts


class _ScoreTable:
    """Sums of BLEU over references, for one batch of hypotheses."""

    def __init__(self, lengths: np.ndarray, lanes: int, ngrams: tuple[int, ...]) -> None:
        self._texts = len(lengths)
        self._lengths = np.zeros(lanes, np.int64)
        self._lengths[: self._texts] = lengths
        self._ngrams = ngrams
        words = np.arange(int(lengths.max()) + 1)
        every = self._lengths[:, None]
        # [order][lane, matches]
        self._logs = [log_precision(words, every, n) for n in range(1, max(ngrams) + 1)]
        bigrams = words[: min(_BIGRAMS, len(words))] if max(ngrams) > 1 else words[:1]
        logs = [log[:, :1, None] for log in self._logs]
        logs[0] = self._logs[0][:, :, None]
        if len(logs) > 1:
            logs[1] = self._logs[1][:, None, : len(bigrams)]
        few = mean_bleu(np.broadcast_arrays(*logs), ngrams)
        few[:, 0] = 0.0  # no word in common
        self._few = few  # [lane, words matched, bigrams matched]

    def sum_of_scores(self, counts: list[np.ndarray], lengths: np.ndarray) -> np.ndarray:
        """Sum of BLEU over references, float64 [N], from their matches and lengths."""
        _, words, bigrams = self._few.shape
        place = counts[0] * np.intp(bigrams)
        if len(counts) > 1:
            place += np.minimum(counts[1], bigrams - 1)
        place += np.arange(len(self._lengths)) * (words * bigrams)
        scores = self._few.ravel().take(place)
        many = self._beyond_table(counts, bigrams)
        if len(many):
            scores.ravel()[many] = self._exact(counts, many)
        present, which = np.unique(lengths, return_inverse=True)
        penalty = brevity_penalty(present[:, None], self._lengths)
        return np.einsum("rl,rl->l", scores, penalty.take(which, axis=0))[: self._texts]

    def _beyond_table(self, counts: list[np.ndarray], bigrams: int) -> np.ndarray:
        """Flat indices of the pairs whose score the table does not hold."""
        if len(counts) == 1:
            return np.zeros(0, np.intp)
        beyond = counts[1] >= bigrams
        if len(counts) > 2:
            beyond |= counts[2] > 0
        return np.flatnonzero(beyond)

    def _exact(self, counts: list[np.ndarray], pairs: np.ndarray) -> np.ndarray:
        offset = pairs % len(self._lengths) * self._logs[0].shape[1]
        logs = [
            log.ravel().take(offset + matches.ravel().take(pairs))
            for log, matches in zip(self._logs, counts, strict=True)
        ]
        return mean_bleu(logs, self._ngrams)
