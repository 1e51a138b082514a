"""SelfBLEU against the whole history as one set of references, as Zhu et al. 2018 define it.

All that it needs is the largest count of each n-gram in any one reference, and the set of
reference lengths, so its time hardly depends on the history.
"""

import numpy as np

from llm_game_env.diversity.bleu import brevity_penalty, log_precision, mean_bleu
from llm_game_env.diversity.growing import GrowingArray
from llm_game_env.diversity.ngram_index import NgramIndex
from llm_game_env.diversity.occurrences import occurrence_ranks
from llm_game_env.diversity.repeat_index import RepeatIndex
from llm_game_env.diversity.token_batch import END, TokenBatch, text_of_token

_WAITING = 1 << 13  # tokens: several batches together take less time than one by one


class MultiReferenceHistory:
    """Largest counts of n-grams and the lengths of texts; 14 to 32 bytes a word for n up to 5.

    Each n-gram has one place in the history, its home. The home of an n-gram is that of the
    n-gram one word shorter that opens it, if the word that follows there is right; only the
    others, few beyond bigrams, stand in an index. That a text repeats an n-gram, which is rare,
    stands in another.
    """

    def __init__(self, ngrams: tuple[int, ...]) -> None:
        self._ngrams = ngrams
        self._max_order = max(ngrams)
        self._tokens = GrowingArray(np.int32)
        self._indexed = 0  # tokens of the history that the rest knows of
        self._word_counts = GrowingArray(np.int32)  # [word number]
        self._indices = {order: NgramIndex(order) for order in range(2, self._max_order + 1)}
        self._repeats = {order: RepeatIndex(order) for order in self._indices}
        self._lengths = np.zeros(0, np.int64)  # distinct, ascending
        self._known_lengths: set[int] = set()  # the same

    @property
    def tokens(self) -> np.ndarray:
        """The texts added, laid out as in `TokenBatch`, int32 [T]; a view."""
        return self._tokens.values

    def add(self, batch: TokenBatch) -> None:
        """Append texts, all of whose words are known."""
        self._tokens.append(batch.tokens)
        if len(self._tokens) - self._indexed > _WAITING:
            self._index_waiting()

    def _index_waiting(self) -> None:
        """Enter the texts appended since this was done last."""
        begin = self._indexed
        tokens = self._tokens.values[begin:]
        self._indexed = len(self._tokens)
        self._add_lengths(np.diff(np.flatnonzero(tokens == END), prepend=-1) - 1)
        ranks = occurrence_ranks(tokens, self._max_order)
        places = np.flatnonzero(tokens)
        words = tokens[places]
        self._word_counts.extend_to(int(words.max(initial=0)) + 1)
        np.maximum.at(self._word_counts.values, words, ranks[places, 0] + 1)
        homes = None
        for order, index in self._indices.items():
            places, homes, other = self._follow(tokens, places, order, homes)
            homes[other] = index.add(self._tokens.values, places[other] + begin)
            rank = ranks[places, order - 1]
            again = rank > 0
            if again.any():
                self._repeats[order].add(tokens, places[again], rank[again])
            # Whatever longer n-gram begins at the home of a shorter one has its home there, too.
            open_ = np.flatnonzero((homes != places + begin) | again)
            places, homes = places[open_], homes[open_]

    def score(self, batch: TokenBatch, vocabulary_size: int) -> np.ndarray:
        """BLEU against the history, float64 [N]; the history must not be empty."""
        if self._indexed < len(self._tokens):
            self._index_waiting()
        lengths = batch.lengths
        rows = text_of_token(batch.tokens)
        ranks = occurrence_ranks(batch.tokens, self._max_order)
        counts = np.zeros(vocabulary_size + 1, np.int32)
        counts[: len(self._word_counts)] = self._word_counts.values
        places = np.flatnonzero(batch.tokens > 0)
        shared = places[ranks[places, 0] < counts[batch.tokens[places]]]
        matches = [np.bincount(rows[shared], minlength=len(lengths))]
        homes = None
        for order, index in self._indices.items():
            # An n-gram can only be in the history if the shorter one that opens it is.
            places, homes, other = self._follow(batch.tokens, places, order, homes)
            homes[other] = index.find(self._tokens.values, batch.tokens, places[other])
            places, homes = places[homes >= 0], homes[homes >= 0]
            shared = places[self._within_counts(batch.tokens, places, order, ranks)]
            matches.append(np.bincount(rows[shared], minlength=len(lengths)))
        return bleu_of_one_set(matches, lengths, self._lengths, self._ngrams)

    def _add_lengths(self, lengths: np.ndarray) -> None:
        new = set(lengths.tolist()) - self._known_lengths
        if new:
            self._known_lengths |= new
            self._lengths = np.array(sorted(self._known_lengths), np.int64)

    def _follow(
        self, tokens: np.ndarray, places: np.ndarray, order: int, homes: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which n-grams of this order begin at the places, and the homes of most of them.

        Args:
            tokens: a batch's tokens.
            places: int64 [n], where n-grams one word shorter begin in them.
            homes: int64 [n], those n-grams' homes; None for words, which have none.

        Returns:
            the places at which a longer one begins; the shorter one's home, which is the longer
            one's too; the indices of those where another word follows there, so that it is not.
        """
        history, last = self._tokens.values, order - 1
        longer = np.flatnonzero(tokens.take(places + last) > 0)
        places = places[longer]
        if homes is None:
            return places, np.full(len(places), -1), np.arange(len(places))
        homes = homes[longer]
        other = np.flatnonzero(history.take(homes + last) != tokens.take(places + last))
        return places, homes, other

    def _within_counts(
        self, tokens: np.ndarray, places: np.ndarray, order: int, ranks: np.ndarray
    ) -> np.ndarray:
        """Which occurrences, all of n-grams in the history, the largest count covers, bool."""
        rank = ranks[places, order - 1]
        within = rank == 0
        again = np.flatnonzero(rank)
        if len(again):
            within[again] = self._repeats[order].contains(tokens, places[again], rank[again])
        return within


def bleu_of_one_set(
    matches: list[np.ndarray], lengths: np.ndarray, known: np.ndarray, ngrams: tuple[int, ...]
) -> np.ndarray:
    """BLEU of each text against a set of references.

    Args:
        matches: clipped matches of each order, int [N].
        lengths: words of each text, int [N].
        known: the different lengths of references, ascending int [L], L >= 1.
        ngrams: the n to average over.

    Returns:
        float64 [N].
    """
    logs = [log_precision(m, lengths, n) for n, m in enumerate(matches, start=1)]
    scores = mean_bleu(logs, ngrams)
    scores *= brevity_penalty(_closest_lengths(lengths, known), lengths)
    return np.where(matches[0] > 0, scores, 0.0)


def _closest_lengths(lengths: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The reference length closest to each text's, the shorter of two equally close."""
    above = np.searchsorted(known, lengths).clip(max=len(known) - 1)
    longer = known[above]
    shorter = known[np.maximum(above - 1, 0)]
    return np.where(np.abs(lengths - shorter) <= np.abs(longer - lengths), shorter, longer)
