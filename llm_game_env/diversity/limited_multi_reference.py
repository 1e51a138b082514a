"""SelfBLEU against one set of references that texts can leave again."""

import numpy as np

from llm_game_env.diversity.batch_features import features_by_parts
from llm_game_env.diversity.multi_reference import bleu_of_one_set
from llm_game_env.diversity.pieces import Pieces
from llm_game_env.diversity.token_batch import END, TokenBatch


class LimitedMultiReferenceHistory:
    """Scores as `MultiReferenceHistory`, from the texts themselves.

    Largest counts could not be taken back when the text that had them leaves. Time is linear in
    the history.
    """

    def __init__(self, ngrams: tuple[int, ...]) -> None:
        self._ngrams = ngrams
        self.pieces = Pieces(max(ngrams))

    @property
    def tokens(self) -> np.ndarray:
        """The texts left, laid out as in `TokenBatch`, int32 [T]."""
        tokens, gone, _ = self.pieces.saved()
        ends = np.flatnonzero(tokens == END)
        left = np.ones(len(ends), bool)
        left[gone] = False
        return tokens[np.repeat(left, np.diff(ends, prepend=-1))]

    def add(self, batch: TokenBatch) -> None:
        """Append texts, all of whose words are known."""
        self.pieces.add(batch)

    def score(self, batch: TokenBatch, vocabulary_size: int) -> np.ndarray:
        """BLEU against the history, float64 [N]; the history must not be empty."""
        stretches = list(self.pieces.stretches())
        present = [stretch.lengths[stretch.times > 0] for stretch in stretches]
        known = np.unique(np.concatenate(present))
        scores = np.zeros(len(batch.lengths))
        parts = features_by_parts(batch, max(self._ngrams), vocabulary_size)
        for rows, lengths, features in parts:
            held = [np.zeros(len(order.holders), bool) for order in features.orders]
            for stretch in stretches:
                for of_order, found in zip(held, stretch.held(features), strict=True):
                    of_order[found] = True
            matches = [features.total(order, which) for order, which in enumerate(held, start=1)]
            scores[rows] = bleu_of_one_set(matches, lengths, known, self._ngrams)
        return scores
