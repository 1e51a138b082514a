"""BLEU of every pair of a batch and a stretch of the history, summed over the history."""

import numpy as np

from llm_game_env.diversity.bleu import SMOOTHED_COUNT, brevity_penalty

_BIGRAMS = 4  # matches 0 … 3 in the table
_REFERENCES = 512  # at a time: what is computed of them stays in the cache
_OFTEN = 0.2  # share of pairs beyond the table from which on all are computed


class ScoreTable:
    """Sums of BLEU over references, for one batch of hypotheses.

    BLEU_n is a product: (matches of orders 1 … n)^(1/n), which each pair has its own of; the number
    of n-grams in the hypothesis, which no reference alters; and the brevity penalty, which both
    lengths decide. Pairs that share no trigram and at most three bigrams (in varied histories,
    nearly all) take the first two from a small table. Exponentials are left for the rest.
    """

    def __init__(self, lengths: np.ndarray, lanes: int, ngrams: tuple[int, ...]) -> None:
        """`lengths` are the hypotheses' words, int [N], N at most `lanes`."""
        self._texts = len(lengths)
        self._lengths = np.zeros(lanes, np.int64)
        self._lengths[: self._texts] = lengths
        self._ngrams = ngrams
        words = np.arange(int(lengths.max()) + 1)
        self._log_matches = np.log(np.maximum(words, SMOOTHED_COUNT))
        self._log_words = self._log_matches.copy()
        self._log_words[0] = -np.inf  # no word in common: BLEU is 0
        orders = np.arange(1, max(ngrams) + 1)[:, None]
        log_totals = np.cumsum(np.log(np.maximum(self._lengths - (orders - 1), 1)), axis=0)
        # What a lane's scores are multiplied by, [order - 1, lane].
        self._weights = np.exp(-log_totals / orders) / len(ngrams)
        self._few = self._few_matches()

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
            if np.any(times[rows] != 1):
                penalty *= times[rows, None]
            of_rows = [matches[rows] for matches in counts]
            beyond = self._beyond_table(of_rows)
            if np.count_nonzero(beyond) > _OFTEN * beyond.size:
                total += self._computed(of_rows, penalty)
            else:
                total += self._looked_up(of_rows, beyond, penalty)
        return total[: self._texts]

    def _computed(self, counts: list[np.ndarray], penalty: np.ndarray) -> np.ndarray:
        """Sum of BLEU times penalty, float64 [lanes]; penalty is [references, lanes]."""
        sums = np.zeros_like(self._weights)
        logs = self._log_words.take(counts[0])
        scratch = np.empty_like(logs)
        for order, matches in enumerate(counts, start=1):
            if order > 1:
                # "clip" alters nothing, but without it NumPy would not write to `out` directly.
                logs += self._log_matches.take(matches, out=scratch, mode="clip")
            if order in self._ngrams:
                np.exp(np.multiply(logs, 1 / order, out=scratch), out=scratch)
                sums[order - 1] = np.einsum("rl,rl->l", scratch, penalty)
        return (sums * self._weights).sum(axis=0)

    def _looked_up(
        self, counts: list[np.ndarray], beyond: np.ndarray, penalty: np.ndarray
    ) -> np.ndarray:
        """As `_computed`, where few pairs are beyond the table."""
        bigrams = self._few.shape[2]
        place = counts[0] * np.intp(bigrams)
        if len(counts) > 1:
            place += np.minimum(counts[1], bigrams - 1)
        place += np.arange(len(self._lengths)) * (self._few.shape[1] * bigrams)
        scores = self._few.ravel().take(place)
        many = np.flatnonzero(beyond)
        if len(many):
            logs = [self._log_matches.take(matches.ravel().take(many)) for matches in counts]
            scores.ravel()[many] = self._scores(logs, many % len(self._lengths))
        return np.einsum("rl,rl->l", scores, penalty)

    def _few_matches(self) -> np.ndarray:
        """Scores of pairs in the table, float64 [lane, words matched, bigrams matched]."""
        words = self._log_words[:, None]
        none = self._log_matches[0]
        logs = [words, *[none] * (max(self._ngrams) - 1)]
        if len(logs) > 1:
            logs[1] = self._log_matches[:_BIGRAMS]
        lanes = np.arange(len(self._lengths))[:, None, None]
        return self._scores(logs, lanes)

    def _scores(self, logs: list[np.ndarray], lanes: np.ndarray) -> np.ndarray:
        """BLEU without brevity penalty, given log matches of each order; all broadcast."""
        total, score = 0.0, 0.0
        for order, log in enumerate(logs, start=1):
            total = total + log
            if order in self._ngrams:
                score = score + np.exp(total / order) * self._weights[order - 1].take(lanes)
        return np.asarray(score)

    def _beyond_table(self, counts: list[np.ndarray]) -> np.ndarray:
        """The pairs whose score the table does not hold, bool [references, lanes]."""
        if len(counts) == 1:
            return np.zeros(counts[0].shape, bool)
        beyond = counts[1] >= self._few.shape[2]
        if len(counts) > 2:
            beyond |= counts[2] > 0
        return beyond
