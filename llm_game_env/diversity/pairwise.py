"""SelfBLEU against a history, one reference at a time, averaged.

Linear in the history by nature, so the work per reference is kept to sums of counters: matches are
counted for a batch at once, `Stretch` by stretch, and `ScoreTable` makes scores of them.
"""

import numpy as np

from llm_game_env.diversity.batch_features import features_by_parts
from llm_game_env.diversity.pieces import Pieces
from llm_game_env.diversity.score_table import ScoreTable
from llm_game_env.diversity.token_batch import TokenBatch


class PairwiseHistory:
    """Texts to compare with one by one."""

    def __init__(self, ngrams: tuple[int, ...]) -> None:
        self._ngrams = ngrams
        self.pieces = Pieces(max(ngrams))

    def add(self, batch: TokenBatch) -> None:
        """Append texts, all of whose words are known."""
        self.pieces.add(batch)

    def score(self, batch: TokenBatch, vocabulary_size: int) -> np.ndarray:
        """Mean BLEU to the history, float64 [N]; the history must not be empty."""
        stretches = list(self.pieces.stretches())
        scores = np.zeros(len(batch.lengths))
        parts = features_by_parts(batch, max(self._ngrams), vocabulary_size)
        for rows, lengths, features in parts:
            table = ScoreTable(lengths, features.counters.lanes, self._ngrams)
            for stretch in stretches:
                for matches in stretch.matches(features):
                    scores[rows] += table.sum_of_scores(*matches)
        return scores / len(self.pieces)
