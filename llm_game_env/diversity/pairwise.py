"""SelfBLEU against a history, one reference at a time, averaged.

Linear in the history by nature, so the work per reference is kept to sums of counters: matches are
counted for 64 hypotheses at once, `Stretch` by stretch, and `ScoreTable` makes scores of them.
"""

from collections.abc import Iterator

import numpy as np

from llm_game_env.diversity.batch_features import BatchFeatures
from llm_game_env.diversity.growing import GrowingArray
from llm_game_env.diversity.occurrences import occurrence_ranks
from llm_game_env.diversity.score_table import ScoreTable
from llm_game_env.diversity.stretch import Stretch, closed_stretch, merged, open_stretch
from llm_game_env.diversity.token_batch import TokenBatch

_HYPOTHESES = 64  # at a time: a row of counters is one cache line
_TOKENS = 1 << 16  # of the history in a stretch, until it is merged: the counters stay in the cache
_MOST_REPEATS = np.iinfo(np.uint16).max


class PairwiseHistory:
    """Texts in stretches, the last of them still open; at most 20 bytes a word for n up to 5.

    An n-gram that one text repeats more than 65,535 times counts as repeated that often.
    """

    def __init__(self, ngrams: tuple[int, ...]) -> None:
        self._ngrams = ngrams
        self._max_order = max(ngrams)
        self._tokens = GrowingArray(np.int32)
        self._ends = GrowingArray(np.int64)
        self._closed: list[Stretch] = []
        self._open_from = 0  # number of texts in closed stretches
        self._open_ranks = GrowingArray(np.uint16, (self._max_order,))

    @property
    def tokens(self) -> np.ndarray:
        """The texts added, laid out as in `TokenBatch`, int32 [T]; a view."""
        return self._tokens.values

    def add(self, batch: TokenBatch) -> None:
        """Append texts, all of whose words are known."""
        self._ends.append(len(self._tokens) + np.cumsum(batch.lengths + 1, dtype=np.int64))
        self._tokens.append(batch.tokens)
        while len(self._tokens) - self._open_begin >= _TOKENS:
            self._close()

    def score(self, batch: TokenBatch, vocabulary_size: int) -> np.ndarray:
        """Mean BLEU to the history, float64 [N]; the history must not be empty."""
        stretches = list(self._stretches())
        scores = np.zeros(len(batch.lengths))
        ends = np.cumsum(batch.lengths + 1)
        for row in range(0, len(scores), _HYPOTHESES):
            lengths = batch.lengths[row : row + _HYPOTHESES]
            last = row + len(lengths) - 1
            begin = ends[row] - lengths[0] - 1
            part = TokenBatch(batch.tokens[begin : ends[last]], lengths)
            features = BatchFeatures(part, self._max_order, vocabulary_size)
            table = ScoreTable(lengths, features.counters.lanes, self._ngrams)
            for stretch in stretches:
                for matches in stretch.matches(features):
                    scores[row : last + 1] += table.sum_of_scores(*matches)
        return scores / len(self._ends)

    @property
    def _open_begin(self) -> int:
        """Where in the tokens the open stretch begins."""
        return int(self._ends.values[self._open_from - 1]) if self._open_from else 0

    def _close(self) -> None:
        begin, ends = self._open_begin, self._ends.values
        # At least one text, however long.
        stop = max(self._open_from + 1, int(np.searchsorted(ends, begin + _TOKENS)))
        tokens = self._tokens.values[begin : ends[stop - 1]]
        known = self._open_ranks.values[: len(tokens)]
        ranks = np.concatenate([known, self._ranks(tokens[len(known) :])])
        self._open_from = stop
        self._open_ranks = GrowingArray(np.uint16, (self._max_order,))
        stretch = closed_stretch(tokens, ranks)
        # As a log-structured merge tree does: large ones are merged seldom, and there are few.
        while self._closed and _alike(self._closed[-1], stretch):
            stretch = merged(self._closed.pop(), stretch)
        self._closed.append(stretch)

    def _stretches(self) -> Iterator[Stretch]:
        yield from self._closed
        tokens = self._tokens.values[self._open_begin :]
        if len(tokens):
            self._open_ranks.append(self._ranks(tokens[len(self._open_ranks) :]))
            yield open_stretch(tokens, self._open_ranks.values)

    def _ranks(self, tokens: np.ndarray) -> np.ndarray:
        ranks = occurrence_ranks(tokens, self._max_order)
        return np.minimum(ranks, _MOST_REPEATS).astype(np.uint16)


def _alike(earlier: Stretch, later: Stretch) -> bool:
    both = earlier.windows is not None and later.windows is not None
    return both and len(earlier.ranks) <= 2 * len(later.ranks)
