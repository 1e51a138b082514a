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
_SAMPLE = 1 << 13  # words that tell beforehand, as most histories are varied …
_VARIED = 0.9  # … where so large a share of their windows differ: of a third of 65,536, 83 % would
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
        found_at = self._find(features)
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

    def held(self, features: BatchFeatures) -> list[np.ndarray]:
        """The features of each order that some text has which counts, int32 [n]."""
        counts = np.repeat(self.times > 0, np.diff(self.ends, prepend=0))
        if self.windows is not None and not counts.all():
            of_windows = np.zeros(len(self.ranks), bool)
            of_windows[self.windows[counts]] = True
            counts = of_windows
        found_at = self._find(features)
        if counts.all():
            return [found for _, found in found_at]
        return [found[counts.take(starts)] for starts, found in found_at]

    def _find(self, features: BatchFeatures) -> list[tuple[np.ndarray, np.ndarray]]:
        """Which n-gram starts have a feature of the batch, of each order, and which, int [n]."""
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
        return found_at


def open_stretch(tokens: np.ndarray, ranks: np.ndarray) -> Stretch:
    """A stretch of the tokens as they are, with their ranks, uint16 [T, max_order]."""
    ends = np.flatnonzero(tokens == END) + 1
    lengths = np.diff(ends, prepend=0) - 1
    return Stretch(tokens, ranks, 1, None, ends, lengths, np.ones(len(ends)))


def closed_stretch(
    tokens: np.ndarray, ranks: np.ndarray, windowed: bool | None = None
) -> tuple[Stretch, np.ndarray]:
    """A stretch without the repetitions, where there are enough or `windowed` says so.

    Arguments as for an open one. Also the row of each text, int64 [R].
    """
    stretch = open_stretch(tokens, ranks)
    as_they_are = stretch, np.arange(len(stretch.ends))
    if windowed is False:
        return as_they_are
    words = np.flatnonzero(tokens != END)
    following = _windows(tokens, ranks.shape[1])
    if windowed is None and len(words) > _SAMPLE:
        sample = words[:_SAMPLE]
        first, _ = distinct_columns([column.take(sample) for column in following])
        if len(first) > _VARIED * _SAMPLE:
            return as_they_are
    columns = [column.take(words) for column in (*following, *ranks.T)]
    first, which = distinct_columns(columns)
    if windowed is None and len(first) * _WORTHWHILE > len(which):
        return as_they_are
    return _without_repeated_texts(_of_windows(stretch, columns, first, which))


def merged(one: Stretch, other: Stretch) -> tuple[Stretch, np.ndarray]:
    """The texts of two stretches of the same kind in one, and the row of each of their rows."""
    lengths = np.concatenate([one.lengths, other.lengths])
    both = one._replace(
        tokens=np.concatenate([one.tokens, other.tokens]),
        ranks=np.concatenate([one.ranks, other.ranks]),
        ends=np.cumsum(lengths + 1),
        lengths=lengths,
        times=np.concatenate([one.times, other.times]),
    )
    if one.windows is None or other.windows is None:
        return both, np.arange(len(lengths))
    columns = [*both.tokens.reshape(-1, one.step).T, *both.ranks.T]
    first, which = distinct_columns(columns)
    of_one, of_other = which[: len(one.ranks)], which[len(one.ranks) :]
    windows = np.concatenate([of_one.take(one.windows), of_other.take(other.windows)])
    return _without_repeated_texts(_of_windows(both, columns, first, windows))


def of_rows(stretch: Stretch, rows: np.ndarray) -> Stretch:
    """A stretch of some of the texts, int [n], in that order."""
    lengths, times = stretch.lengths.take(rows), stretch.times.take(rows)
    if stretch.windows is None:
        sizes = stretch.lengths + 1
        places = spans(stretch.ends - sizes, sizes, rows)
        tokens, ranks = stretch.tokens.take(places), stretch.ranks.take(places, axis=0)
        return Stretch(tokens, ranks, 1, None, np.cumsum(lengths + 1), lengths, times)
    windows = stretch.windows.take(spans(stretch.ends - stretch.lengths, stretch.lengths, rows))
    used = np.zeros(len(stretch.ranks), bool)
    used[windows] = True
    number = np.cumsum(used, dtype=np.int32) - np.int32(1)
    return stretch._replace(
        tokens=stretch.tokens.reshape(-1, stretch.step)[used].ravel(),
        ranks=stretch.ranks[used],
        windows=number.take(windows),
        ends=np.cumsum(lengths),
        lengths=lengths,
        times=times,
    )


def spans(begins: np.ndarray, sizes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The places of some rows, one after the other: int64, begin … begin + size - 1 of each."""
    begins, sizes = begins.take(rows), sizes.take(rows)
    return np.arange(int(sizes.sum())) + np.repeat(begins - np.cumsum(sizes) + sizes, sizes)


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


def _without_repeated_texts(stretch: Stretch) -> tuple[Stretch, np.ndarray]:
    """A stretch of windows with equal texts once, and the row of each text in it."""
    assert stretch.windows is not None
    numbers: dict[bytes, int] = {}
    ends = stretch.ends.tolist()
    texts = [stretch.windows[a:b].tobytes() for a, b in zip([0, *ends], ends, strict=False)]
    rows = np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int64)
    if len(numbers) == len(ends):
        return stretch, rows
    windows = np.frombuffer(b"".join(numbers), stretch.windows.dtype)
    lengths = np.array(list(map(len, numbers))) // windows.itemsize
    times = np.bincount(rows, weights=stretch.times)
    once = stretch._replace(windows=windows, ends=np.cumsum(lengths), lengths=lengths, times=times)
    return once, rows
