"""A stretch of a pairwise history: texts that are compared with a batch in one go.

Texts often repeat each other, whole or in part. A stretch that will not change any more is kept
without the repetitions: equal texts once, and of its windows (a word with the words that follow,
as many as the longest n-gram has) each different one once. What a batch shares with a window is
found out once, then, and looked up for every word that opens one.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from llm_game_env.diversity.batch_features import BatchFeatures
from llm_game_env.diversity.distinct import distinct_columns
from llm_game_env.diversity.token_batch import END

_WORTHWHILE = 3  # times as many words as windows: below, looking them up takes what it saves
_TEXTS = 2048  # at a time: their counters stay in the cache


class Matches(NamedTuple):
    """What some texts of a history share with a batch.

    Attributes:
        counts: clipped matches of each order, unsigned [R, lanes], see `Counters`.
        lengths: int64 [R], words of each text.
        times: float64 [R], how often each text was added.
    """

    counts: list[np.ndarray]
    lengths: np.ndarray
    times: np.ndarray


class Stretch(NamedTuple):
    """R texts.

    Attributes:
        tokens: int32 [S * step], word numbers; n-grams begin at every multiple of `step`, and do
            not reach beyond the next `END` or multiple.
        ranks: uint16 [S, max_order], see `occurrence_ranks`, of the n-grams that begin there.
        step: 1 where `tokens` are the texts themselves, laid out as in `TokenBatch`; else
            max_order, the length of a window, and `tokens` are the different windows.
        windows: int32 [P], for each word of the texts the window that it opens; None at step 1.
        ends: int64 [R], where each text ends: in `windows`, or in `tokens` where that is None.
        lengths: int64 [R], words of each text.
        times: float64 [R], how often each text was added.
    """

    tokens: np.ndarray
    ranks: np.ndarray
    step: int
    windows: np.ndarray | None
    ends: np.ndarray
    lengths: np.ndarray
    times: np.ndarray

    def matches(self, features: BatchFeatures) -> Iterator[Matches]:
        """What the texts share with a batch, some texts at a time."""
        words = features.words_in(self.tokens)
        places = np.flatnonzero(words[:: self.step] != 0) * self.step  # of booleans: 6 times faster
        numbers = words.take(places)
        found_at: list[tuple[np.ndarray, np.ndarray]] = []
        for order, of_order in enumerate(features.orders, start=1):
            if order > 1:
                places, numbers = features.longer(places, numbers, words, order)
            starts = places // self.step
            found = of_order.find(numbers, self.ranks[:, order - 1].take(starts))
            found_at.append((starts, found))
        if self.windows is None:
            counts = [
                features.count(order, found, np.searchsorted(places, self.ends))
                for order, (places, found) in enumerate(found_at, start=1)
            ]
            yield Matches(counts, self.lengths, self.times)
            return
        of_windows = np.zeros((len(found_at), len(self.ranks)), np.int32)
        for of_window, (starts, found) in zip(of_windows, found_at, strict=True):
            of_window[starts] = found
        for first in range(0, len(self.ends), _TEXTS):
            rows = slice(first, first + _TEXTS)
            begin = self.ends[first] - self.lengths[first]
            ends = self.ends[rows] - begin
            windows = self.windows[begin : begin + ends[-1]].astype(np.intp)
            counts = [
                features.count(order, of_window.take(windows), ends)
                for order, of_window in enumerate(of_windows, start=1)
            ]
            yield Matches(counts, self.lengths[rows], self.times[rows])


def open_stretch(tokens: np.ndarray, ranks: np.ndarray) -> Stretch:
    """A stretch of the tokens as they are, with their ranks, uint16 [T, max_order]."""
    ends = np.flatnonzero(tokens == END) + 1
    lengths = np.diff(ends, prepend=0) - 1
    return Stretch(tokens, ranks, 1, None, ends, lengths, np.ones(len(ends)))


def closed_stretch(tokens: np.ndarray, ranks: np.ndarray) -> Stretch:
    """A stretch without the repetitions, where there are enough; arguments as for an open one."""
    stretch = open_stretch(tokens.copy(), ranks.copy())
    is_word = tokens != END
    columns = [column[is_word] for column in (*_windows(tokens, ranks.shape[1]), *ranks.T)]
    first, which = distinct_columns(columns)
    if len(first) * _WORTHWHILE > len(which):
        return stretch
    return _without_repeated_texts(_of_windows(stretch, columns, first, which))


def merged(one: Stretch, other: Stretch) -> Stretch:
    """The texts of two stretches of windows in one."""
    assert one.windows is not None
    assert other.windows is not None
    order = one.step
    tokens = np.concatenate([one.tokens, other.tokens]).reshape(-1, order)
    columns = [*tokens.T, *np.concatenate([one.ranks, other.ranks]).T]
    first, which = distinct_columns(columns)
    of_one, of_other = which[: len(one.ranks)], which[len(one.ranks) :]
    windows = np.concatenate([of_one.take(one.windows), of_other.take(other.windows)])
    both = one._replace(
        lengths=np.concatenate([one.lengths, other.lengths]),
        times=np.concatenate([one.times, other.times]),
    )
    return _without_repeated_texts(_of_windows(both, columns, first, windows))


def _of_windows(
    stretch: Stretch, columns: list[np.ndarray], first: np.ndarray, windows: np.ndarray
) -> Stretch:
    """A stretch with these of the windows, given by the columns of words and of ranks."""
    order = len(columns) // 2
    return stretch._replace(
        tokens=np.stack([column[first] for column in columns[:order]], axis=1).ravel(),
        ranks=np.stack([column[first] for column in columns[order:]], axis=1),
        step=order,
        windows=windows.astype(np.int32),
        ends=np.cumsum(stretch.lengths),
    )


def _windows(tokens: np.ndarray, length: int) -> list[np.ndarray]:
    """The words at each place and after it within the text, then `END`: int32 [T] for each."""
    ends = np.flatnonzero(tokens == END)
    columns = [tokens]
    for _ in range(1, length):
        following = np.append(columns[-1][1:], END).astype(tokens.dtype)
        following[ends] = END
        columns.append(following)
    return columns


def _without_repeated_texts(stretch: Stretch) -> Stretch:
    """A stretch of windows with equal texts once."""
    assert stretch.windows is not None
    times: dict[bytes, float] = {}
    ends = stretch.ends.tolist()
    for begin, end, count in zip([0, *ends], ends, stretch.times.tolist(), strict=False):
        text = stretch.windows[begin:end].tobytes()
        times[text] = times.get(text, 0.0) + count
    if len(times) == len(ends):
        return stretch
    windows = np.frombuffer(b"".join(times), stretch.windows.dtype)
    lengths = np.array(list(map(len, times))) // windows.itemsize
    return stretch._replace(
        windows=windows,
        ends=np.cumsum(lengths),
        lengths=lengths,
        times=np.array(list(times.values())),
    )
