"""The texts of a history in pieces, the last of them still open; any of them can be taken out."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from llm_game_env.diversity.growing import GrowingArray
from llm_game_env.diversity.occurrences import occurrence_ranks
from llm_game_env.diversity.piece import Piece
from llm_game_env.diversity.stretch import Stretch, open_stretch
from llm_game_env.diversity.token_batch import END, TokenBatch

_TOKENS = 1 << 16  # in a piece, until it is merged: the counters stay in the cache
_MOST_MERGED = 4  # times as many words, of texts that differ: merging would take too long at once
_MOST_REPEATS = np.iinfo(np.uint16).max
_GONE = 8  # a piece may be rid of its gone texts when they are one in so many …
_MOST_GONE = 5  # … and is at once when they are one in so many of all


class SavedPieces(NamedTuple):
    """All that goes on exactly as the original did: sums are in the same order, too.

    Attributes:
        tokens: int32 [T], the texts, laid out as in `TokenBatch`, with those that are gone but
            still lie there.
        gone: int64 [G], which of them those are.
        pieces: int64 [P, 2], of each closed piece its texts, and whether it is one of windows.
    """

    tokens: np.ndarray
    gone: np.ndarray
    pieces: np.ndarray


class Pieces:
    """Texts in the order in which they were added; at most 16 bytes a word for n up to 5.

    An n-gram that one text repeats more than 65,535 times counts as repeated that often.
    """

    def __init__(self, max_order: int) -> None:
        self._max_order = max_order
        self._closed: list[Piece] = []
        self._open_anew()

    def __len__(self) -> int:
        """Texts that are not gone."""
        return sum(map(len, self._closed)) + int(np.count_nonzero(self._left.values))

    def add(self, batch: TokenBatch) -> None:
        """Append texts, all of whose words are known."""
        self._tokens.append(batch.tokens)
        self._left.append(np.ones(len(batch.lengths), bool))
        # One thing an addition, if it is a small one: none takes long then.
        if len(self._tokens) < _TOKENS:
            self._merge_last()
        while len(self._tokens) >= _TOKENS:
            while self._merge_last():
                pass
            self._close_first()

    def forget(self, positions: np.ndarray) -> None:
        """Take out texts by their distinct positions, ascending int64 [k], among those left."""
        lefts = [*(piece.left for piece in self._closed), self._left.values]
        counts = [int(np.count_nonzero(left)) for left in lefts]
        bounds = np.searchsorted(positions, np.cumsum([0, *counts]))
        for number, (left, skipped) in enumerate(zip(lefts, np.cumsum([0, *counts]), strict=False)):
            here = positions[bounds[number] : bounds[number + 1]] - skipped
            if len(here):
                which = np.flatnonzero(left)[here]
                if number < len(self._closed):
                    self._closed[number].forget(which)
                else:
                    left[which] = False
        self._closed = [piece for piece in self._closed if len(piece)]
        self._tidy_open()
        self._tidy_closed()

    def stretches(self) -> Iterator[Stretch]:
        """The texts to compare with; those that are gone count zero times."""
        for piece in self._closed:
            yield piece.stretch
        if self._left.values.any():
            self._ranks.append(self._ranks_of(self._tokens.values[len(self._ranks) :]))
            stretch = open_stretch(self._tokens.values, self._ranks.values)
            yield stretch._replace(times=self._left.values.astype(np.float64))

    def saved(self) -> SavedPieces:
        """The texts and how they lie."""
        tokens = [*(piece.tokens for piece in self._closed), self._tokens.values]
        left = [*(piece.left for piece in self._closed), self._left.values]
        pieces = [(len(piece.left), piece.windowed) for piece in self._closed]
        return SavedPieces(
            np.concatenate(tokens),
            np.flatnonzero(~np.concatenate(left)),
            np.array(pieces, np.int64).reshape(-1, 2),
        )

    def load(self, saved: SavedPieces) -> None:
        """Take up texts, and how they lay, in place of these."""
        ends = np.append(0, np.flatnonzero(saved.tokens == END) + 1)
        left = np.ones(len(ends) - 1, bool)
        left[saved.gone] = False
        self._closed, first = [], 0
        for texts, windowed in saved.pieces.tolist():
            tokens = saved.tokens[ends[first] : ends[first + texts]]
            ranks, of_piece = self._ranks_of(tokens), left[first : first + texts]
            piece = Piece.of_tokens(tokens.copy(), ranks, of_piece, bool(windowed))
            self._closed.append(piece)
            first += texts
        self._open_anew(saved.tokens[ends[first] :], left[first:])

    def renumber_words(self, count: int) -> np.ndarray:
        """Number the words that occur 1, 2, … without gaps.

        Args:
            count: the largest number so far.

        Returns:
            the old numbers of those that still occur, ascending int64 [W].
        """
        used = np.zeros(count + 1, bool)
        stretches = [piece.stretch for piece in self._closed]
        for tokens in (*(stretch.tokens for stretch in stretches), self._tokens.values):
            used[tokens] = True
        used[END] = False
        new = np.where(used, np.cumsum(used), END).astype(np.int32)
        for tokens in (*(stretch.tokens for stretch in stretches), self._tokens.values):
            tokens[:] = new.take(tokens)
        return np.flatnonzero(used)

    def _open_anew(
        self,
        tokens: np.ndarray | tuple[()] = (),
        left: np.ndarray | tuple[()] = (),
        ranks: np.ndarray | tuple[()] = (),
    ) -> None:
        self._tokens, self._left = GrowingArray(np.int32), GrowingArray(np.bool_)
        self._ranks = GrowingArray(np.uint16, (self._max_order,))
        self._tokens.append(np.asarray(tokens, np.int32))
        self._left.append(np.asarray(left, bool))
        self._ranks.append(np.asarray(ranks, np.uint16).reshape(-1, self._max_order))

    def _close_first(self) -> None:
        """Close a piece of the open texts: at least one text, however long."""
        tokens, known = self._tokens.values, self._ranks.values
        ends = np.flatnonzero(tokens == END) + 1
        texts = max(1, int(np.searchsorted(ends, _TOKENS)))
        stop = int(ends[texts - 1])
        fresh = self._ranks_of(tokens[len(known) : stop])
        ranks = np.concatenate([known[:stop], fresh])
        piece = Piece.of_tokens(tokens[:stop].copy(), ranks, self._left.values[:texts])
        self._open_anew(tokens[stop:], self._left.values[texts:], known[stop:])
        if len(piece):
            self._closed.append(piece)

    def _merge_last(self) -> bool:
        """Make one of the last two closed pieces, if that is worth while, and say so."""
        # As a log-structured merge tree does: large ones are merged seldom, and there are few.
        if len(self._closed) < 2 or not _alike(*self._closed[-2:]):
            return False
        later = self._closed.pop()
        self._closed[-1] = self._closed[-1].followed_by(later)
        return True

    def _tidy_open(self) -> None:
        left = self._left.values
        if not _worth_tidying(left):
            return
        tokens = self._tokens.values
        of_left = np.repeat(left, np.diff(np.flatnonzero(tokens == END), prepend=-1))
        ranks = self._ranks.values
        self._open_anew(tokens[of_left], left[left], ranks[of_left[: len(ranks)]])

    def _tidy_closed(self) -> None:
        """Rid pieces of gone texts, one at a time unless many are gone in all."""
        while self._tidy_worst():
            lefts = [piece.left for piece in self._closed]
            gone = sum(np.count_nonzero(~left) for left in lefts)
            if gone * _MOST_GONE <= sum(map(len, lefts)):
                return

    def _tidy_worst(self) -> bool:
        """Rid the piece that has most gone of them, if that is worth while, and say so."""
        shares = [1 - np.mean(piece.left) for piece in self._closed]
        number = int(np.argmax(shares)) if shares else 0
        if not shares or not _worth_tidying(self._closed[number].left):
            return False
        self._closed[number] = self._closed[number].without_gone()
        # Small neighbours make one: or else there would be ever more, ever smaller.
        for first in (number - 1, number):
            both = self._closed[max(first, 0) : first + 2]
            if first >= 0 and len(both) == 2 and _small(*both):
                one, other = (part.without_gone() for part in both)
                self._closed[first : first + 2] = [one.followed_by(other)]
                break
        return True

    def _ranks_of(self, tokens: np.ndarray) -> np.ndarray:
        ranks = occurrence_ranks(tokens, self._max_order)
        return np.minimum(ranks, _MOST_REPEATS).astype(np.uint16)


def _worth_tidying(left: np.ndarray) -> bool:
    gone = len(left) - np.count_nonzero(left)
    return bool(gone and gone * _GONE >= len(left))


def _alike(earlier: Piece, later: Piece) -> bool:
    if not (earlier.windowed and later.windowed):
        return False
    windows = len(earlier.stretch.ranks), len(later.stretch.ranks)
    words = int(earlier.stretch.ends[-1] + later.stretch.ends[-1])
    return windows[0] <= 2 * windows[1] and words <= _MOST_MERGED * _TOKENS


def _small(one: Piece, other: Piece) -> bool:
    words = int(one.stretch.ends[-1] + other.stretch.ends[-1])
    return one.windowed == other.windowed and words <= _TOKENS
