"""BLEU of every pair of a batch and a stretch of the history, summed over the history."""

import numpy as np

from llm_game_env.diversity.bleu import SMOOTHED_COUNT, brevity_penalty, mean_bleu

_BIGRAMS = 4  # matches 0 … 3 in the table
_REFERENCES = 256  # at a time: what is computed of them stays in the cache
_OFTEN = 0.4  # share of pairs beyond the table from which on all are computed


class ScoreTable:
    """Sums of BLEU over references, for one batch of hypotheses.

    Pairs that share no trigram and at most three bigrams (in varied histories, nearly all) take
    their score from a small table. Exponentials are left for the rest.
    """

    def __init__(self, lengths: np.ndarray, lanes: int, ngrams: tuple[int, ...]) -> None:
        """`lengths` are the hypotheses' words, int [N], N at most `lanes`."""
        self._texts = len(lengths)
        self._lengths = np.zeros(lanes, np.int64)
        self._lengths[: self._texts] = lengths
        self._ngrams = ngrams
        words = np.arange(int(lengths.max()) + 1)
        # log precision = log of the matches, smoothed - log of the n-grams in the hypothesis
        self._log_matches = np.log(np.maximum(words, SMOOTHED_COUNT))
        orders = np.arange(1, max(ngrams) + 1)
        self._log_totals = np.log(np.maximum(self._lengths - (orders[:, None] - 1), 1))
        bigrams = words[: min(_BIGRAMS, len(words))] if max(ngrams) > 1 else words[:1]
        logs = [self._log_matches[0] - totals[:, None, None] for totals in self._log_totals]
        logs[0] = self._log_matches[:, None] - self._log_totals[0][:, None, None]
        if len(logs) > 1:
            logs[1] = self._log_matches[bigrams] - self._log_totals[1][:, None, None]
        few = mean_bleu(np.broadcast_arrays(*logs), ngrams)
        few[:, 0] = 0.0  # no word in common
        self._few = few  # [lane, words matched, bigrams matched]

    def sum_of_scores(
        self, counts: list[np.ndarray], lengths: np.ndarray, times: np.ndarray
    ) -> np.ndarray:
        """Sum of BLEU over references, float64 [N].

        Args:
            counts: clipped matches of each order, unsigned [R, lanes].
            lengths: words of each reference, int [R].
            times: float64 [R], how often each reference counts.
        """
        present, which = np.unique(lengths, return_inverse=True)
        penalties = brevity_penalty(present[:, None], self._lengths)
        total = np.zeros(len(self._lengths))
        for first in range(0, len(lengths), _REFERENCES):
            rows = slice(first, first + _REFERENCES)
            penalty = penalties.take(which[rows], axis=0)
            penalty *= times[rows, None]
            scores = self._scores([matches[rows] for matches in counts])
            total += np.einsum("rl,rl->l", scores, penalty)
        return total[: self._texts]

    def _scores(self, counts: list[np.ndarray]) -> np.ndarray:
        """BLEU without brevity penalty, float64 [references, lanes]."""
        bigrams = self._few.shape[2]
        beyond = self._beyond_table(counts)
        if np.count_nonzero(beyond) > _OFTEN * beyond.size:
            logs = [
                self._log_matches.take(matches) - totals
                for matches, totals in zip(counts, self._log_totals, strict=True)
            ]
            scores = mean_bleu(logs, self._ngrams)
            scores[counts[0] == 0] = 0.0
            return scores
        place = counts[0] * np.intp(bigrams)
        if len(counts) > 1:
            place += np.minimum(counts[1], bigrams - 1)
        place += np.arange(len(self._lengths)) * (self._few.shape[1] * bigrams)
        scores = self._few.ravel().take(place)
        many = np.flatnonzero(beyond)
        if len(many):
            lanes = many % len(self._lengths)
            logs = [
                self._log_matches.take(matches.ravel().take(many)) - totals.take(lanes)
                for matches, totals in zip(counts, self._log_totals, strict=True)
            ]
            scores.ravel()[many] = mean_bleu(logs, self._ngrams)
        return scores

    def _beyond_table(self, counts: list[np.ndarray]) -> np.ndarray:
        """The pairs whose score the table does not hold, bool [references, lanes]."""
        if len(counts) == 1:
            return np.zeros(counts[0].shape, bool)
        beyond = counts[1] >= self._few.shape[2]
        if len(counts) > 2:
            beyond |= counts[2] > 0
        return beyond
